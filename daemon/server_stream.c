#include "server_stream.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_exchange.h"
#include "server_question.h"
#include "server_reply.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* What a client does not get before core has verified all of the blob. */
#define HOLD_BACK (64u << 10)
/* What is handed to a connection at once; more when that has left. */
#define PIECE (4u << 20)
/* The same through TLS, where it is memory: ten thousand slow clients. */
#define TLS_PIECE (64u << 10)

struct stream_reply {
	struct server_stream *stream; /* counted */
	struct exchange *exchange;
	uint64_t head; /* its bytes */
	uint64_t at; /* the next byte to send */
	uint64_t end;
	bool writing; /* a piece is on its way */
	TAILQ_ENTRY(stream_reply) entry;
};

struct server_stream {
	unsigned refs;
	struct answer *answer;
	int file_fd;
	int progress_fd; /* -1: the file is complete */
	struct event *progress;
	uint64_t have; /* bytes in the file */
	bool verified;
	TAILQ_HEAD(, stream_reply) replies;
};

/* Bytes from the start of the blob that may be sent. */
static uint64_t
sendable(const struct server_stream *s)
{
	uint64_t size = s->answer->size;
	uint64_t most = size < HOLD_BACK ? 0 : size - HOLD_BACK;

	if (s->verified)
		return size;
	return s->have < most ? s->have : most;
}

static void pump(struct stream_reply *r);

static void
on_written(struct evhttp_connection *evcon, void *arg)
{
	struct stream_reply *r = arg;

	(void)evcon;
	r->writing = false;
	pump(r);
}

static void
free_piece(const void *data, size_t len, void *piece)
{
	(void)data;
	(void)len;
	free(piece);
}

/* Adds bytes of the file to the body as memory. */
static int
add_memory(const struct stream_reply *r, struct evbuffer *body, uint64_t len,
    struct err *e)
{
	void *piece = mem_alloc((size_t)len);

	if (fsutil_pread_all(r->stream->file_fd, piece, (size_t)len,
		(off_t)r->at, e) == -1) {
		free(piece);
		return -1;
	}
	/* Space of the evbuffer's own would be twice as large. */
	evbuffer_add_reference(body, piece, (size_t)len, free_piece, piece);
	return 0;
}

/*
 * The same as the file, which the kernel sends.  The piece has a descriptor of
 * its own, which evhttp closes when the piece has left.
 */
static int
add_file(const struct stream_reply *r, struct evbuffer *body, uint64_t len,
    struct err *e)
{
	int fd = fcntl(r->stream->file_fd, F_DUPFD_CLOEXEC, 0);

	if (fd == -1)
		return err_set_errno(e, "no descriptor is left");
	evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
	evbuffer_add_file(body, fd, (ev_off_t)r->at, (ev_off_t)len);
	return 0;
}

static void
fail(struct exchange *x, const struct err *e)
{
	if (!server_stream_take_back(x)) {
		log_event(LOG_LEVEL_ERROR, "blob.failed", "id", x->id, "why",
		    e->message, NULL);
		server_stream_cut(x);
		return;
	}
	if (x->question != NULL)
		server_question_leave(x);
	reply_blob_failed(x, e);
}

/* Sends the next `len` bytes of the body. */
static void
send_piece(struct stream_reply *r, uint64_t len)
{
	struct evbuffer *body = evbuffer_new();
	struct err e;
	int status = connection_is_tls(r->exchange->connection)
	    ? add_memory(r, body, len, &e)
	    : add_file(r, body, len, &e);

	if (status == -1) {
		evbuffer_free(body);
		fail(r->exchange, &e);
		return;
	}
	r->at += len;
	r->exchange->length += len;
	r->writing = true;
	evhttp_send_reply_chunk_with_cb(r->exchange->http, body, on_written, r);
	evbuffer_free(body);
}

/* Sends what there is to send; at the end the exchange is over. */
static void
pump(struct stream_reply *r)
{
	uint64_t limit = sendable(r->stream);
	uint64_t piece =
	    connection_is_tls(r->exchange->connection) ? TLS_PIECE : PIECE;

	if (r->writing)
		return;
	if (r->at == r->end) {
		evhttp_send_reply_end(r->exchange->http);
		return;
	}
	if (limit > r->end)
		limit = r->end;
	if (limit > r->at)
		send_piece(r, limit - r->at < piece ? limit - r->at : piece);
}

/* How much is in the file now; never more than the blob has. */
static void
measure(struct server_stream *s)
{
	struct stat st;

	if (fstat(s->file_fd, &st) == -1)
		return;
	s->have = (uint64_t)st.st_size < s->answer->size ? (uint64_t)st.st_size
							 : s->answer->size;
}

static void
on_progress(evutil_socket_t fd, short what, void *arg)
{
	struct server_stream *s = server_stream_ref(arg);
	struct stream_reply *r, *next;
	char told[4096];

	(void)what;
	/* One reading is enough: what is left makes the pipe readable again. */
	if (read((int)fd, told, sizeof(told)) == 0)
		event_del(s->progress);
	measure(s);
	for (r = TAILQ_FIRST(&s->replies); r != NULL; r = next) {
		next = TAILQ_NEXT(r, entry);
		pump(r);
	}
	server_stream_unref(s);
}

struct server_stream *
server_stream_new(
    struct event_base *base, struct answer *a, int file_fd, int progress_fd)
{
	struct server_stream *s = mem_zalloc(1, sizeof(*s));

	s->refs = 1;
	s->answer = answer_ref(a);
	s->file_fd = file_fd;
	s->progress_fd = progress_fd;
	TAILQ_INIT(&s->replies);
	if (progress_fd == -1) {
		s->verified = true;
		return s;
	}
	evutil_make_socket_nonblocking(progress_fd);
	s->progress =
	    event_new(base, progress_fd, EV_READ | EV_PERSIST, on_progress, s);
	event_add(s->progress, NULL);
	measure(s);
	return s;
}

struct server_stream *
server_stream_ref(struct server_stream *s)
{
	s->refs++;
	return s;
}

void
server_stream_unref(struct server_stream *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	if (s->progress != NULL)
		event_free(s->progress);
	auto_fd_cleanup(&s->progress_fd);
	close(s->file_fd);
	answer_unref(s->answer);
	free(s);
}

bool
server_stream_begin(struct server_stream *s, struct exchange *x)
{
	struct stream_reply *r;
	uint64_t first, length;

	if (!reply_blob_start(x, s->answer, &first, &length))
		return false;
	r = mem_zalloc(1, sizeof(*r));
	r->stream = server_stream_ref(s);
	r->exchange = x;
	r->head = connection_unsent(x->connection);
	r->at = first;
	r->end = first + length;
	TAILQ_INSERT_TAIL(&s->replies, r, entry);
	x->stream = r;
	pump(r);
	return true;
}

void
server_stream_release(struct exchange *x)
{
	x->stream->stream->verified = true;
	pump(x->stream);
}

void
server_stream_cut(struct exchange *x)
{
	log_event(LOG_LEVEL_WARN, "blob.cut", "id", x->id, NULL);
	connection_end(x->connection);
}

bool
server_stream_take_back(struct exchange *x)
{
	if (!connection_take_back(x->connection, x->stream->head + x->length))
		return false;
	evhttp_clear_headers(evhttp_request_get_output_headers(x->http));
	x->length = 0;
	server_stream_leave(x);
	return true;
}

void
server_stream_leave(struct exchange *x)
{
	struct stream_reply *r = x->stream;

	TAILQ_REMOVE(&r->stream->replies, r, entry);
	server_stream_unref(r->stream);
	free(r);
	x->stream = NULL;
}
