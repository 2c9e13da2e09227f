/*
 * worker: the process that reads image content.
 *
 * A worker gets one job, answers it and exits.  It has its channel and the
 * job's descriptors, and nothing else.  Every job also has "memory" (bytes of
 * address space) and "time_s" (processor seconds), which the worker imposes
 * on itself before it looks at the rest.
 *
 * {"type":"job","job":"index","digest":S,"size":N,"progress":true|false}
 *	fds: the layer's blob, index file to fill, spool to fill, the policy
 *	(JSON), [progress pipe]
 *	result: {}
 * {"type":"job","job":"plan","indexes":[[OFFSET,SIZE],...]}
 *	fds: file with all indexes, the image's config, the policy, file to
 *	fill with plans, config and report
 *	result: {"plans":[[OFFSET,SIZE]|null,...],"config":[OFFSET,SIZE],
 *		 "report":[OFFSET,SIZE]}
 * {"type":"job","job":"emit","plan":[OFFSET,SIZE],"digest":S,"size":N,
 *  "spool":true|false,"source":true|false}
 *	fds: file with the plan, the spool (or any file when "spool" is false),
 *	file to fill with the layer, an empty file for a second spool,
 *	[the source layer's blob]
 *	result: {"digest":S,"size":N,"diff_id":S,"tar_size":N}
 * {"type":"job","job":"assemble","config":[OFFSET,SIZE],"base_name":S,
 *  "base_digest":S,"layers":[{the result of emit}|null,...]}
 *	fds: the source manifest, file with the config, file to fill
 *	result: {"config":[OFFSET,SIZE],"manifest":[OFFSET,SIZE]}
 * {"type":"job","job":"verify","digest":S,"size":N,"copy":true|false}
 *	fds: a complete file, [file to copy it to]
 *	result: {}: the (copied) file has this digest and size and is synced
 *
 * On failure: {"type":"error","code":ERR_CODE_NAME,"message":S}.
 */
#ifndef WINNOW_DAEMON_WORKER_H
#define WINNOW_DAEMON_WORKER_H

#include "winnow/channel.h"
#include "winnow/err.h"

/* Does the job of message m; *result is the caller's. */
int worker_do_job(struct channel_message *m, json_t **result, struct err *e);

#endif
