/*
 * upstream_driver: asks an upstream and prints what came, for the shell tests
 * beside it.
 *
 * usage: upstream_driver [-a CA_FILE] [-u USER] [-p PASSWORD_FILE]
 *	      [-d DOCKER_CONFIG] [-e CREDENTIAL_HELPER] [-f FALLBACK]
 *	      [-x PROXY] [-h HOST] [-c BLOBS_AT_ONCE] [-i IDLE_MS] URL
 *	      COMMAND...
 *
 *	head REPOSITORY TAG		"ok DIGEST TYPE -" (bytes: "LEN")
 *	manifest REPOSITORY REFERENCE	"ok DIGEST TYPE LEN"
 *	blob REPOSITORY DIGEST SIZE	"ok DIGEST SIZE"
 *	cancel REPOSITORY DIGEST SIZE	"cancelled" at the first progress
 *	tags REPOSITORY			"ok TAG ..."
 *	referrers REPOSITORY DIGEST	"ok DIGEST ..."
 *	leave REPOSITORY DIGEST SIZE	"left" before anything happens
 *	and				what follows runs beside the last
 *
 * or "error CODE MESSAGE".  Commands run one after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../daemon/upstream.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"
#include "winnow/num.h"

struct driver {
	struct event_base *base;
	struct upstream *upstream;
	int running;
};

struct question {
	struct driver *driver;
	struct upstream_request *request;
	int fd;
	uint64_t size;
	uint64_t progress;
	bool cancel;
};

static void
question_end(struct question *q)
{
	fflush(stdout);
	if (--q->driver->running == 0)
		event_base_loopbreak(q->driver->base);
	if (q->fd != -1)
		close(q->fd);
	free(q);
}

static void
print_error(const struct err *e)
{
	printf("error %s %s\n", err_code_name(e->code), e->message);
}

static void
on_manifest(void *arg, const struct upstream_manifest *m, const struct err *e)
{
	struct question *q = arg;
	char text[DIGEST_TEXT];

	/* Cancelling in the callback must do nothing. */
	upstream_request_cancel(q->request);
	if (e != NULL)
		print_error(e);
	else if (m->data == NULL)
		printf("ok %s %s -\n", digest_format(&m->digest, text),
		    m->media_type);
	else
		printf("ok %s %s %zu\n", digest_format(&m->digest, text),
		    m->media_type, m->len);
	question_end(q);
}

static void
on_list(void *arg, json_t *items, const struct err *e)
{
	struct question *q = arg;
	size_t i;

	upstream_request_cancel(q->request);
	if (e != NULL)
		print_error(e);
	else
		printf("ok");
	for (i = 0; e == NULL && i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);

		if (json_is_object(item))
			item = json_object_get(item, "digest");
		printf(" %s", json_string_value(item));
	}
	if (e == NULL)
		printf("\n");
	question_end(q);
}

static void
on_progress(void *arg, uint64_t total)
{
	struct question *q = arg;

	if (total <= q->progress || total > q->size)
		printf("progress went from %llu to %llu\n",
		    (unsigned long long)q->progress, (unsigned long long)total);
	q->progress = total;
	if (!q->cancel)
		return;
	upstream_request_cancel(q->request);
	printf("cancelled\n");
	question_end(q);
}

static void
on_blob(void *arg, int fd, const struct err *e)
{
	struct question *q = arg;
	auto_free char *data = NULL;
	char text[DIGEST_TEXT];
	struct digest digest;
	struct err failure;
	size_t len;

	upstream_request_cancel(q->request);
	if (e != NULL) {
		print_error(e);
	} else if (fsutil_read_fd(
		       fd, "blob", 1u << 30, &data, &len, &failure) == -1) {
		print_error(&failure);
	} else {
		digest_of(data, len, &digest);
		printf("ok %s %zu\n", digest_format(&digest, text), len);
	}
	question_end(q);
}

static struct question *
question_new(struct driver *d)
{
	struct question *q = mem_zalloc(1, sizeof(*q));

	q->driver = d;
	q->fd = -1;
	d->running++;
	return q;
}

static void
ask_blob(struct driver *d, char **argv)
{
	struct question *q = question_new(d);
	const struct upstream_blob_callbacks cb = {on_progress, on_blob, q};
	struct digest digest;
	struct err e;

	if (digest_parse(argv[2], &digest, &e) == -1 ||
	    num_parse(argv[3], 0, 1u << 30, "size", &q->size, &e) == -1 ||
	    fsutil_open_memory("blob", &q->fd, &e) == -1) {
		print_error(&e);
		exit(2);
	}
	q->cancel = strcmp(argv[0], "cancel") == 0;
	q->request = upstream_get_blob(
	    d->upstream, argv[1], &digest, q->size, q->fd, &cb);
	if (strcmp(argv[0], "leave") == 0) {
		upstream_request_cancel(q->request);
		printf("left\n");
		question_end(q);
	}
}

/* Asks what argv says; returns how many words that were. */
static int
ask(struct driver *d, int argc, char **argv)
{
	struct question *q;
	struct digest digest;
	struct err e;

	if (argc >= 3 && strcmp(argv[0], "head") == 0) {
		q = question_new(d);
		q->request = upstream_head(
		    d->upstream, argv[1], argv[2], on_manifest, q);
		return 3;
	}
	if (argc >= 3 && strcmp(argv[0], "manifest") == 0) {
		q = question_new(d);
		q->request = upstream_get_manifest(
		    d->upstream, argv[1], argv[2], on_manifest, q);
		return 3;
	}
	if (argc >= 2 && strcmp(argv[0], "tags") == 0) {
		q = question_new(d);
		q->request =
		    upstream_list(d->upstream, argv[1], NULL, on_list, q);
		return 2;
	}
	if (argc >= 3 && strcmp(argv[0], "referrers") == 0) {
		if (digest_parse(argv[2], &digest, &e) == -1)
			exit(2);
		q = question_new(d);
		q->request =
		    upstream_list(d->upstream, argv[1], &digest, on_list, q);
		return 3;
	}
	if (argc >= 4) {
		ask_blob(d, argv);
		return 4;
	}
	fprintf(stderr, "upstream_driver: bad command\n");
	exit(2);
}

static void
run(struct driver *d, int argc, char **argv)
{
	while (argc > 0) {
		int words = ask(d, argc, argv);

		argc -= words;
		argv += words;
		if (argc > 0 && strcmp(argv[0], "and") == 0) {
			argc--;
			argv++;
		} else if (d->running > 0) {
			event_base_dispatch(d->base);
		}
	}
}

int
main(int argc, char **argv)
{
	char host[] = "test.example", *fallbacks[1];
	struct config_upstream cu = {.host = host, .fallbacks = fallbacks};
	struct config config = {
	    .upstream_connect_timeout_ms = 5000,
	    .upstream_idle_timeout_ms = 20000,
	    .upstream_connections = 3,
	};
	struct driver d = {.running = 0};
	struct http_client *client;
	struct err e;
	int option;

	while ((option = getopt(argc, argv, "+a:u:p:d:e:f:h:x:c:i:")) != -1) {
		if (option == 'a')
			cu.ca_file = optarg;
		else if (option == 'u')
			cu.username = optarg;
		else if (option == 'p')
			cu.password_file = optarg;
		else if (option == 'd')
			cu.docker_config = optarg;
		else if (option == 'e')
			cu.credential_helper = optarg;
		else if (option == 'x')
			cu.proxy = optarg;
		else if (option == 'h')
			cu.host = optarg;
		else if (option == 'f')
			fallbacks[cu.fallback_count++] = optarg;
		else if (option == 'i' &&
		    num_parse(optarg, 1, 60000, "-i",
			&config.upstream_idle_timeout_ms, &e) == 0)
			continue;
		else if (option != 'c' ||
		    num_parse(optarg, 1, 100, "-c",
			&config.upstream_connections, &e) == -1)
			return 2;
	}
	if (optind == argc)
		return 2;
	cu.url = argv[optind++];
	d.base = event_base_new();
	client = http_client_new(d.base);
	if (upstream_new(d.base, client, &config, &cu, &d.upstream, &e) == -1) {
		print_error(&e);
	} else {
		run(&d, argc - optind, argv + optind);
		upstream_free(d.upstream);
	}
	http_client_free(client);
	event_base_free(d.base);
	return 0;
}
