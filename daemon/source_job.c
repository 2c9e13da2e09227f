#include "source_job.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

int64_t
source_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Joins the flight of that key; false when there is none yet. */
static bool
join(struct job_env *env, const char *key, struct flight_waiter *w)
{
	struct flight *f = flight_find(env->flights, key);

	if (f == NULL)
		return false;
	flight_join(f, w);
	return true;
}

/* A question to an upstream about a manifest: by tag or by digest. */
struct manifest_job {
	struct flight flight; /* first */
	struct job_env *env;
	struct upstream_request *request;
	char *name; /* HOST/REPOSITORY */
	char *tag; /* or NULL */
};

static void
manifest_job_free(struct manifest_job *j)
{
	free(j->name);
	free(j->tag);
	free(j);
}

static void
cancel_manifest(struct flight *f)
{
	struct manifest_job *j = (struct manifest_job *)f;

	upstream_request_cancel(j->request);
	manifest_job_free(j);
}

/*
 * Remembers what a tag stands for now.  That it stands for the same as before
 * is true also when the disk does not take it.
 */
static int
note_tag(struct manifest_job *j, const struct digest *digest, struct err *e)
{
	struct store_tag row, old;
	char text[DIGEST_TEXT];
	bool known, moved;

	row = (struct store_tag){*digest, source_now_ms()};
	known = store_get_tag(j->env->store, j->name, j->tag, &old);
	moved = known && !digest_equal(&old.source, digest);
	if (store_put_tag(j->env->store, j->name, j->tag, &row, e) == -1)
		return known && !moved ? 0 : -1;
	if (moved) {
		log_event(LOG_LEVEL_INFO, "tag.moved", "repository", j->name,
		    "tag", j->tag, "to", digest_format(digest, text), NULL);
		j->env->tag_moved(j->env->arg);
	}
	return 0;
}

static void
on_manifest(void *arg, const struct upstream_manifest *m, const struct err *e)
{
	struct manifest_job *j = arg;
	struct digest stored;
	struct err own;

	if (e == NULL && m->data != NULL &&
	    store_add_bytes(j->env->store, m->data, m->len, &stored, &own) ==
		-1)
		e = &own;
	if (e == NULL && j->tag != NULL && note_tag(j, &m->digest, &own) == -1)
		e = &own;
	if (e != NULL)
		log_event(LOG_LEVEL_WARN, "upstream.manifest", "id",
		    flight_asker(&j->flight), "what", j->flight.key, "code",
		    err_code_name(e->code), "error", e->message, NULL);
	flight_end(&j->flight, e);
	manifest_job_free(j);
}

static struct manifest_job *
new_manifest_job(struct job_env *env, const struct source *s, const char *tag,
    const char *key)
{
	struct manifest_job *j = mem_zalloc(1, sizeof(*j));

	j->env = env;
	j->name = mem_printf("%s/%s", s->host, s->repository);
	j->tag = mem_strdup_optional(tag);
	flight_enter(env->flights, &j->flight, key, cancel_manifest);
	return j;
}

void
source_resolve(struct job_env *env, const struct source *s, const char *tag,
    struct flight_waiter *w)
{
	auto_free char *key =
	    mem_printf("tag %s/%s:%s", s->host, s->repository, tag);
	struct manifest_job *j;

	if (join(env, key, w))
		return;
	j = new_manifest_job(env, s, tag, key);
	flight_join(&j->flight, w);
	j->request =
	    upstream_head(s->upstream, s->repository, tag, on_manifest, j);
}

void
source_get_manifest(struct job_env *env, const struct source *s,
    const struct digest *digest, struct flight_waiter *w)
{
	char text[DIGEST_TEXT];
	auto_free char *key = mem_printf("manifest %s/%s@%s", s->host,
	    s->repository, digest_format(digest, text));
	struct manifest_job *j;

	if (join(env, key, w))
		return;
	j = new_manifest_job(env, s, NULL, key);
	flight_join(&j->flight, w);
	j->request = upstream_get_manifest(
	    s->upstream, s->repository, text, on_manifest, j);
}

int
source_load_manifest(struct job_env *env, const struct digest *digest,
    char **data, size_t *len, struct oci_manifest **out, struct err *e)
{
	auto_fd int fd = -1;

	if (store_open_blob(env->store, digest, &fd, e) == -1 ||
	    fsutil_read_fd(fd, "manifest", LIMIT_MANIFEST_SIZE, data, len, e) ==
		-1)
		return -1;
	return oci_manifest_parse(*data, *len, NULL, out, e);
}

/* An upstream's blob on its way into the store. */
struct blob_job {
	struct flight flight; /* first */
	struct job_env *env;
	struct digest digest;
	uint64_t size;
	struct blob_fetch *fetch;
	struct blob_fetch_user user;
	struct worker_job *worker;
	int copy_fd; /* -1: the fetched file itself is added */
	struct event *late; /* tells waiters who joined a growing blob */
};

static void
blob_job_free(struct blob_job *j)
{
	if (j->worker != NULL)
		worker_job_cancel(j->worker);
	blob_fetch_leave(j->fetch, &j->user);
	auto_fd_cleanup(&j->copy_fd);
	event_free(j->late);
	free(j);
}

static void
cancel_blob(struct flight *f)
{
	blob_job_free((struct blob_job *)f);
}

static void
describe_blob(const struct flight *f, struct strbuf *what, struct strbuf *stage)
{
	const struct blob_job *j = (const struct blob_job *)f;
	char have[32], size[32];

	strbuf_add_string(what, f->key);
	if (j->worker != NULL)
		strbuf_add_string(stage, "verifying");
	else
		strbuf_add_format(stage, "%s of %s received",
		    num_format_size(blob_fetch_received(j->fetch), have),
		    num_format_size(j->size, size));
}

static void
end_blob(struct blob_job *j, const struct err *e)
{
	if (e != NULL)
		builds_note_failure(&j->env->builds, j->flight.key, e);
	if (e != NULL)
		log_event(LOG_LEVEL_WARN, "upstream.blob", "id",
		    flight_asker(&j->flight), "what", j->flight.key, "code",
		    err_code_name(e->code), "error", e->message, NULL);
	flight_end(&j->flight, e);
	blob_job_free(j);
}

static void
on_verified(void *arg, struct channel_message *result, const struct err *e)
{
	struct blob_job *j = arg;
	int fd = j->copy_fd == -1 ? blob_fetch_fd(j->fetch) : j->copy_fd;
	struct err own;

	(void)result;
	j->worker = NULL;
	if (e == NULL &&
	    store_add_blob(j->env->store, fd, &j->digest, j->size, &own) == -1)
		e = &own;
	end_blob(j, e);
}

static void
on_fetched(void *arg, const struct err *e)
{
	struct blob_job *j = arg;
	bool copy = !blob_fetch_owns_file(j->fetch);
	char text[DIGEST_TEXT];
	struct err own;
	json_t *body;
	int fds[2];

	if (e == NULL && copy &&
	    store_open_unlinked(j->env->store, &j->copy_fd, &own) == -1)
		e = &own;
	if (e != NULL) {
		end_blob(j, e);
		return;
	}
	body = json_pack("{s:s, s:s, s:s, s:I, s:b}", "type", "job", "job",
	    "verify", "digest", digest_format(&j->digest, text), "size",
	    (json_int_t)j->size, "copy", copy);
	fds[0] = blob_fetch_fd(j->fetch);
	fds[1] = j->copy_fd;
	j->worker = worker_job_start(
	    j->env->pool, body, fds, copy ? 2 : 1, on_verified, j);
}

static void
on_growing(void *arg)
{
	struct blob_job *j = arg;

	flight_tell_ready(&j->flight);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct blob_job *j = arg;

	(void)fd;
	(void)what;
	if (blob_fetch_growing(j->fetch))
		flight_tell_ready(&j->flight);
}

static struct blob_job *
new_blob_job(struct job_env *env, const struct digest *digest, uint64_t size)
{
	struct blob_job *j = mem_zalloc(1, sizeof(*j));

	j->env = env;
	j->digest = *digest;
	j->size = size;
	j->copy_fd = -1;
	j->late = evtimer_new(env->base, on_late, j);
	j->user = (struct blob_fetch_user){
	    .on_ready = on_growing, .on_done = on_fetched, .arg = j};
	return j;
}

bool
source_watch_blob(const struct flight_waiter *w, int *fd, int *progress)
{
	const struct blob_job *j = (const struct blob_job *)w->flight;

	if (!blob_fetch_growing(j->fetch))
		return false;
	*progress = blob_fetch_open_progress(j->fetch);
	*fd = blob_fetch_fd(j->fetch);
	return *progress != -1;
}

void
source_get_blob(struct job_env *env, const struct source *s,
    const struct digest *digest, uint64_t size, struct flight_waiter *w)
{
	char text[DIGEST_TEXT];
	auto_free char *key = mem_printf("blob %s/%s of %llu bytes", s->host,
	    digest_format(digest, text), (unsigned long long)size);
	struct blob_job *j;

	if (join(env, key, w)) {
		j = (struct blob_job *)w->flight;
		event_active(j->late, EV_TIMEOUT, 0);
		return;
	}
	j = new_blob_job(env, digest, size);
	flight_enter(env->flights, &j->flight, key, cancel_blob);
	j->flight.describe = describe_blob;
	flight_join(&j->flight, w);
	j->fetch = blob_fetch_join(
	    env->fetches, s->upstream, s->repository, digest, size, &j->user);
}
