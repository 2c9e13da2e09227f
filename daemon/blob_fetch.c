#include "blob_fetch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/fsutil.h"
#include "winnow/mem.h"

/* Readers of one file at once; more wait for its end. */
#define PIPES_MAX 64

enum fetch_state { FETCH_WAITING, FETCH_GROWING, FETCH_DONE };

struct blob_fetch {
	TAILQ_ENTRY(blob_fetch) entry;
	struct blob_fetches *all;
	struct upstream_request *request; /* NULL when done */
	struct upstream *upstream;
	struct digest digest;
	uint64_t size;
	uint64_t received;
	enum fetch_state state;
	int fd; /* our file, or a layout's, or the store's; read-only */
	int write_fd; /* our file while it is filled, or -1 */
	bool owned; /* ours */
	int pipes[PIPES_MAX]; /* write ends */
	size_t pipe_count;
	struct event *tell; /* users who joined late, from the loop */
	struct err error; /* ERR_NONE, or why it failed */
	TAILQ_HEAD(, blob_fetch_user) users; /* not told yet */
	size_t refs;
};

struct blob_fetches {
	struct store *store;
	TAILQ_HEAD(, blob_fetch) items;
};

struct blob_fetches *
blob_fetches_new(struct store *store)
{
	struct blob_fetches *all = mem_zalloc(1, sizeof(*all));

	all->store = store;
	TAILQ_INIT(&all->items);
	return all;
}

static void
close_pipes(struct blob_fetch *f)
{
	size_t i;

	for (i = 0; i < f->pipe_count; i++)
		close(f->pipes[i]);
	f->pipe_count = 0;
}

static void
fetch_free(struct blob_fetch *f)
{
	TAILQ_REMOVE(&f->all->items, f, entry);
	if (f->request != NULL)
		upstream_request_cancel(f->request);
	event_free(f->tell);
	close_pipes(f);
	close_fd(&f->fd);
	close_fd(&f->write_fd);
	free(f);
}

void
blob_fetches_free(struct blob_fetches *all)
{
	struct blob_fetch *f;

	while ((f = TAILQ_FIRST(&all->items)) != NULL)
		fetch_free(f);
	free(all);
}

static void
tell_ready(struct blob_fetch *f)
{
	struct blob_fetch_user *user, *next;

	f->refs++; /* a user may leave */
	for (user = TAILQ_FIRST(&f->users); user != NULL; user = next) {
		next = TAILQ_NEXT(user, entry);
		if (user->on_ready == NULL || user->told)
			continue;
		user->told = true;
		user->on_ready(user->arg);
	}
	if (--f->refs == 0)
		fetch_free(f);
}

static void
on_progress(void *arg, uint64_t total)
{
	struct blob_fetch *f = arg;
	size_t i;

	f->received = total;
	for (i = 0; i < f->pipe_count; i++) {
		/* A full pipe says it already. */
		ssize_t n = write(f->pipes[i], "", 1);

		(void)n;
	}
	if (f->state != FETCH_WAITING)
		return;
	f->state = FETCH_GROWING;
	tell_ready(f);
}

/* Tells all users of the end; those who hold on keep the file. */
static void
finish(struct blob_fetch *f)
{
	const struct err *e = f->error.code == ERR_NONE ? NULL : &f->error;
	struct blob_fetch_user *user;

	f->state = FETCH_DONE;
	f->request = NULL;
	close_fd(&f->write_fd);
	close_pipes(f);
	f->refs++;
	while ((user = TAILQ_FIRST(&f->users)) != NULL) {
		TAILQ_REMOVE(&f->users, user, entry);
		user->entry.tqe_prev = NULL;
		user->on_done(user->arg, e);
	}
	if (--f->refs == 0)
		fetch_free(f);
}

static void
on_done(void *arg, int fd, const struct err *e)
{
	struct blob_fetch *f = arg;

	if (e != NULL) {
		f->error = *e;
	} else if (fd != f->write_fd) {
		/* A layout hands out its own file. */
		close_fd(&f->fd);
		f->owned = false;
		f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (f->fd == -1)
			err_set_errno(&f->error, "cannot keep a blob open");
	}
	finish(f);
}

static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct blob_fetch *f = arg;

	(void)fd;
	(void)what;
	if (f->state == FETCH_GROWING)
		tell_ready(f);
	else
		finish(f);
}

/* A size that a manifest lies about concerns nobody else. */
static struct blob_fetch *
find(struct blob_fetches *all, struct upstream *u, const struct digest *digest,
    uint64_t size)
{
	struct blob_fetch *f;

	TAILQ_FOREACH(f, &all->items, entry)
	if (f->upstream == u && digest_equal(&f->digest, digest) &&
	    f->size == size && f->error.code == ERR_NONE)
		return f;
	return NULL;
}

/*
 * Opens our file.  Who reads it gets a read-only descriptor: a worker must not
 * change what another one has verified.
 */
static int
open_file(struct blob_fetch *f)
{
	if (store_open_unlinked(f->all->store, &f->write_fd, &f->error) == -1 ||
	    fsutil_reopen_read_only(f->write_fd, &f->fd, &f->error) == -1)
		return -1;
	f->owned = true;
	return 0;
}

static struct blob_fetch *
start(struct blob_fetches *all, struct upstream *u, const char *repository,
    const struct digest *digest, uint64_t size)
{
	struct blob_fetch *f = mem_zalloc(1, sizeof(*f));
	struct upstream_blob_callbacks cb = {on_progress, on_done, f};
	struct err ignored;

	f->all = all;
	f->upstream = u;
	f->digest = *digest;
	f->size = size;
	f->fd = f->write_fd = -1;
	f->tell = evtimer_new(u->base, on_tell, f);
	TAILQ_INIT(&f->users);
	TAILQ_INSERT_TAIL(&all->items, f, entry);
	if (store_has_blob(all->store, digest, NULL) &&
	    store_open_blob(all->store, digest, &f->fd, &ignored) == 0) {
		event_active(f->tell, EV_TIMEOUT, 0);
		return f;
	}
	if (open_file(f) == -1) {
		event_active(f->tell, EV_TIMEOUT, 0);
		return f;
	}
	f->request =
	    upstream_get_blob(u, repository, digest, size, f->write_fd, &cb);
	return f;
}

struct blob_fetch *
blob_fetch_join(struct blob_fetches *all, struct upstream *u,
    const char *repository, const struct digest *digest, uint64_t size,
    struct blob_fetch_user *user)
{
	struct blob_fetch *f = find(all, u, digest, size);

	if (f == NULL)
		f = start(all, u, repository, digest, size);
	f->refs++;
	TAILQ_INSERT_TAIL(&f->users, user, entry);
	if (f->state != FETCH_WAITING)
		event_active(f->tell, EV_TIMEOUT, 0);
	return f;
}

void
blob_fetch_leave(struct blob_fetch *f, struct blob_fetch_user *user)
{
	if (user->entry.tqe_prev != NULL) {
		TAILQ_REMOVE(&f->users, user, entry);
		user->entry.tqe_prev = NULL;
	}
	if (--f->refs == 0)
		fetch_free(f);
}

int
blob_fetch_fd(const struct blob_fetch *f)
{
	return f->fd;
}

uint64_t
blob_fetch_received(const struct blob_fetch *f)
{
	return f->state == FETCH_DONE ? f->size : f->received;
}

bool
blob_fetch_complete(const struct blob_fetch *f)
{
	return f->state == FETCH_DONE;
}

bool
blob_fetch_growing(const struct blob_fetch *f)
{
	return f->state == FETCH_GROWING;
}

bool
blob_fetch_owns_file(const struct blob_fetch *f)
{
	return f->owned;
}

int
blob_fetch_open_progress(struct blob_fetch *f)
{
	int ends[2];

	if (f->state == FETCH_DONE || f->pipe_count == PIPES_MAX ||
	    pipe2(ends, O_CLOEXEC) == -1)
		return -1;
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	f->pipes[f->pipe_count++] = ends[1];
	return ends[0];
}
