#include "daemon_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "winnow/fsutil.h"
#include "winnow/mem.h"

void
scratch_make(char dir[64])
{
	snprintf(dir, 64, "/tmp/winnow-test-daemon.XXXXXX");
	assert_non_null(mkdtemp(dir));
}

void
scratch_remove(const char *dir)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

void
scratch_write(const char *dir, const char *name, const char *text)
{
	auto_free char *path = mem_printf("%s/%s", dir, name);
	char *slash = strrchr(path, '/');
	struct err e;
	FILE *f;

	*slash = '\0';
	assert_int_equal(fsutil_make_dirs(path, 0755, &e), 0);
	*slash = '/';
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

struct policy_set *
scratch_policies(const char *dir, const char *const *texts)
{
	auto_free char *policies = mem_printf("%s/policies.d", dir);
	auto_free char *sets = mem_printf("%s/sets.d", dir);
	struct yaml_mistakes mistakes = {.items = NULL};
	struct policy_set *set = NULL;
	struct err e;
	int i;

	assert_int_equal(fsutil_make_dirs(policies, 0755, &e), 0);
	assert_int_equal(fsutil_make_dirs(sets, 0755, &e), 0);
	for (i = 0; texts[i] != NULL; i++) {
		char name[40];

		snprintf(name, sizeof(name), "policies.d/%d.yaml", i);
		scratch_write(dir, name, texts[i]);
	}
	if (policy_load_dir(policies, sets, &set, &mistakes, &e) == -1)
		fail_msg("%s", e.message);
	yaml_mistakes_clear(&mistakes);
	return set;
}

static struct stub_request *
new_request(struct upstream *u)
{
	struct stub_upstream *s = (struct stub_upstream *)u;
	struct stub_request *r = mem_zalloc(1, sizeof(*r));

	r->request.upstream = u;
	r->fd = -1;
	TAILQ_INSERT_TAIL(&s->waiting, r, entry);
	s->asked++;
	return r;
}

static void
free_request(struct stub_request *r)
{
	struct stub_upstream *s = (struct stub_upstream *)r->request.upstream;

	TAILQ_REMOVE(&s->waiting, r, entry);
	free(r->reference);
	free(r);
}

static struct upstream_request *
stub_get_manifest(struct upstream *u, const char *repository,
    const char *reference, upstream_manifest_cb cb, void *arg)
{
	struct stub_request *r = new_request(u);

	(void)repository;
	r->reference = mem_strdup(reference);
	r->manifest_cb = cb;
	r->arg = arg;
	return &r->request;
}

static struct upstream_request *
stub_get_blob(struct upstream *u, const char *repository,
    const struct digest *digest, uint64_t size, int tmp_fd,
    const struct upstream_blob_callbacks *cb)
{
	struct stub_request *r = new_request(u);

	(void)repository;
	(void)digest;
	(void)size;
	r->fd = tmp_fd;
	r->blob_cb = *cb;
	return &r->request;
}

static struct upstream_request *
stub_get_list(struct upstream *u, const char *repository,
    const struct digest *subject, upstream_list_cb cb, void *arg)
{
	struct stub_request *r = new_request(u);

	(void)repository;
	(void)subject;
	r->list_cb = cb;
	r->arg = arg;
	return &r->request;
}

static void
stub_cancel(struct upstream_request *request)
{
	((struct stub_upstream *)request->upstream)->cancelled++;
	free_request((struct stub_request *)request);
}

static void
stub_free(struct upstream *u)
{
	(void)u;
}

void
stub_init(struct stub_upstream *s, struct event_base *base)
{
	static const struct upstream_ops ops = {.head = stub_get_manifest,
	    .get_manifest = stub_get_manifest,
	    .get_blob = stub_get_blob,
	    .list = stub_get_list,
	    .cancel = stub_cancel,
	    .free = stub_free};
	static char host[] = "docker.io";

	*s = (struct stub_upstream){
	    .upstream = {.ops = &ops, .base = base, .host = host}};
	TAILQ_INIT(&s->waiting);
}

struct stub_request *
stub_first(const struct stub_upstream *s)
{
	struct stub_request *r = TAILQ_FIRST(&s->waiting);

	assert_non_null(r);
	return r;
}

void
stub_write(struct stub_request *r, const void *data, size_t len)
{
	struct err e;

	assert_int_equal(
	    fsutil_pwrite_all(r->fd, data, len, (off_t)r->written, &e), 0);
	r->written += len;
	r->blob_cb.on_progress(r->blob_cb.arg, r->written);
}

void
stub_end_blob(struct stub_request *r, int fd, const struct err *e)
{
	r->blob_cb.on_done(r->blob_cb.arg, fd == -1 ? r->fd : fd, e);
	free_request(r);
}

void
stub_resolve(struct stub_request *r, const struct digest *digest)
{
	const struct upstream_manifest m = {.digest = *digest};

	r->manifest_cb(r->arg, &m, NULL);
	free_request(r);
}

void
stub_fail_manifest(struct stub_request *r, const struct err *e)
{
	r->manifest_cb(r->arg, NULL, e);
	free_request(r);
}

void
stub_list(struct stub_request *r, json_t *items)
{
	r->list_cb(r->arg, items, NULL);
	json_decref(items);
	free_request(r);
}

void
stub_fail_list(struct stub_request *r, const struct err *e)
{
	r->list_cb(r->arg, NULL, e);
	free_request(r);
}

static void
on_too_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

void
loop_until(struct event_base *base, const size_t *done)
{
	const struct timeval limit = {.tv_sec = 60};
	bool late = false;
	struct event *timer = evtimer_new(base, on_too_late, &late);

	event_add(timer, &limit);
	while (*done == 0 && !late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(timer);
	assert_false(late);
}

void
loop_turn(struct event_base *base)
{
	int i;

	for (i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

size_t
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}
