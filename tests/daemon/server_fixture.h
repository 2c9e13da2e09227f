/*
 * server_fixture: a real server process for a test, which plays core at the
 * other end of the channel and the clients on the sockets.
 */
#ifndef WINNOW_TEST_SERVER_FIXTURE_H
#define WINNOW_TEST_SERVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "winnow/digest.h"
#include "winnow/strbuf.h"

/* Nothing takes so long; a test that waits longer has failed. */
#define PATIENCE_MS 60000
#define MEDIA_TYPE "application/vnd.oci.image.manifest.v1+json"

struct fixture {
	pid_t pid; /* 0 when it has ended */
	int core; /* our end of the channel */
	struct sockaddr_in address;
	char dir[64];
	int blobs;
};
extern struct fixture fixture;

/* The limits in {"type":"start"}. */
struct fixture_options {
	int connections;
	int header_timeout_ms;
	int idle_timeout_ms;
};

void fixture_start(const struct fixture_options *o);
/* cmocka's: start with ample limits; the channel's end ends it with 0. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* The server stands still from one to the other, and finds all at once. */
void fixture_stop(void);
void fixture_continue(void);
/* The exit status of the server, as of waitpid(). */
int fixture_wait(void);

/* Files in the store. */
void put_blob(const void *data, size_t len, char digest[DIGEST_TEXT]);
void remove_blob(const char *digest);

/* Core's part.  Bodies that are sent are taken. */
json_t *receive_message(void);
void expect_silence(void);
json_int_t
expect_ask(const char *kind, const char *repository, const char *reference);
void expect_leave(json_int_t id);
void send_message(json_t *body);
void send_answer(json_int_t id, const char *digest, size_t size, int ttl_ms);

/* A client's part. */
struct reply {
	int status;
	struct strbuf head; /* with the empty line at its end */
	struct strbuf body;
};
#define auto_reply __attribute__((cleanup(reply_clear)))
void reply_clear(struct reply *r);
/* The value of a header, "" when it is missing; valid until the next call. */
const char *reply_header(const struct reply *r, const char *name);

int client_open(void);
void client_send(int fd, const char *text);
/* Reads one reply into *r, an empty one before.  `head`: to a HEAD request. */
void client_receive(int fd, bool head, struct reply *r);
/* Its parts: the head, and `left` bytes more of the body (which is set). */
void client_receive_head(int fd, struct reply *r);
void client_receive_bytes(int fd, struct reply *r, size_t left);
/* The server has closed, without a byte more. */
void expect_closed(int fd);
/* The connection serves another request. */
void expect_open(int fd);

#endif
