/*
 * process: what core tells its servers and hears from them.
 *
 * Every process but core starts as `winnowd --role ROLE` with its end of a
 * channel at descriptor PROCESS_CHANNEL_FD and nothing else open but the
 * standard three.  When the channel ends, the process ends.
 *
 * server <- core, first:
 *	{"type":"start","access":true|false,"listeners":["tls"|"plain",...],
 *	 "original_prefix":S,"connections":N,"header_timeout_ms":N,"idle_timeout_ms":N,
 *	 "log_level":S,"access_log":"off"|"kv"|"json" (absent: kv)}
 *	with descriptors: the directory blobs/sha256 (read-only), then the
 *	listening sockets, then, unless they are missing, its counters
 *	(counters.h), then, unless it is standard error, the access log's file
 * server -> core:
 *	{"type":"ask","id":N,
 *	 "kind":"manifest"|"blob"|"tags"|"referrers"|"map",
 *	 "repository":S,"ns":S (absent: none),"reference":S,
 *	 "client":"containerd"|"other","head":true|false,
 *	 "n":N,"last":S,"artifact_type":S (lists; each may be absent),
 *	 "request":S (may be absent)}
 *	`repository` is the name as it stood in the URL, checked against the
 *	grammar; `reference` is a tag or digest, or "" for tags.  `request` is
 *	the id of the first request that asks, digits and dashes: what core
 *	logs of the question and of the work it begins has that id, as the
 *	access log has.
 *	{"type":"login","id":N,"user":S}	with a file: the password
 *	{"type":"leave","id":N}		the client of this question is gone
 *	{"type":"used","digests":[S,...]}	answered without asking
 * server <- core:
 *	{"type":"answer","id":N,"digest":S,"media_type":S (manifests),
 *	 "size":N,"ttl_ms":N,"warning":S (optional)}
 *	The blob is in the store.  The answer may be used again for the same
 *	question for ttl_ms (0: not at all).
 *	{"type":"answer","id":N,"digest":S,"size":N,"coming":true}
 *	with descriptors: the file that the blob's bytes go to (read-only), and
 *	a pipe that is readable when more have come and ends with the last.
 *	Another answer to the same question follows, when they are verified or
 *	when they never will be.
 *	{"type":"answer","id":N,"items":[...],"more":true|false,
 *	 "warning":S (optional)}
 *	A page of tags (strings) or referrers (descriptors).
 *	{"type":"answer","id":N,"map":{...}}
 *	{"type":"answer","id":N,"error":CODE,"message":S,
 *	 "what":"repository"|"manifest"|"blob","retry_after_s":N (optional)}
 *	CODE is an err_code_name().
 *	{"type":"access"}		with a file of who may pull what
 *					(access.h); the second message if
 *					"start" says so, and when it changes
 *	{"type":"login","id":N,"result":"yes"|"no"|"busy"}
 *	{"type":"tls"}			with a tls_bundle; sockets with TLS
 *					accept nobody before the first
 *	{"type":"log","log_level":S,"access_log":S}	perhaps with a file
 *	{"type":"forget"}		every remembered answer is void
 *	{"type":"drain"}		stop listening, finish, exit 0
 */
#ifndef WINNOW_DAEMON_PROCESS_H
#define WINNOW_DAEMON_PROCESS_H

#define PROCESS_CHANNEL_FD 3

/* The main functions of the roles: run until the channel ends. */
int server_main(void);
int worker_main(void);
int login_main(void);

#endif
