/*
 * daemon_fixture: what tests of core's modules need around them: a directory,
 * an upstream that does what the test says, a loop that ends.
 */
#ifndef WINNOW_TESTS_DAEMON_FIXTURE_H
#define WINNOW_TESTS_DAEMON_FIXTURE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "../../daemon/upstream.h"
#include "winnow/policy.h"

/* A new directory under /tmp in `dir`; and away with all that is in it. */
void scratch_make(char dir[64]);
void scratch_remove(const char *dir);
/* Writes `dir`/`name`, with the directories above it. */
void scratch_write(const char *dir, const char *name, const char *text);

/*
 * Policies from texts, as files 0.yaml, 1.yaml, ... of `dir`/policies.d; a
 * NULL ends them.
 */
struct policy_set *scratch_policies(const char *dir, const char *const *texts);

/* An upstream whose requests wait for the test. */
struct stub_request {
	struct upstream_request request; /* first */
	TAILQ_ENTRY(stub_request) entry;
	char *reference; /* of a manifest, or NULL */
	upstream_manifest_cb manifest_cb;
	upstream_list_cb list_cb;
	void *arg;
	struct upstream_blob_callbacks blob_cb;
	uint64_t written;
	int fd;
};
struct stub_upstream {
	struct upstream upstream; /* first */
	TAILQ_HEAD(, stub_request) waiting;
	size_t asked;
	size_t cancelled;
};
void stub_init(struct stub_upstream *s, struct event_base *base);
/* The oldest request that waits. */
struct stub_request *stub_first(const struct stub_upstream *s);
/* More bytes of a blob come. */
void stub_write(struct stub_request *r, const void *data, size_t len);
/* A blob ends; `fd` -1 is the file that was given. */
void stub_end_blob(struct stub_request *r, int fd, const struct err *e);
/* What a HEAD says: a tag stands for this digest. */
void stub_resolve(struct stub_request *r, const struct digest *digest);
void stub_fail_manifest(struct stub_request *r, const struct err *e);
/* A list ends; takes `items`. */
void stub_list(struct stub_request *r, json_t *items);
void stub_fail_list(struct stub_request *r, const struct err *e);

/* Runs the loop until *done is no longer 0; fails after 20 seconds. */
void loop_until(struct event_base *base, const size_t *done);
/* Runs what is due now. */
void loop_turn(struct event_base *base);

/* Descriptors that this process has open. */
size_t count_fds(void);

#endif
