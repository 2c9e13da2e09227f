#include "winnow/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * One line at the most, or one batch of lines: what a pipe takes whole from
 * one of several writers (PIPE_BUF).  Longer lines are cut.
 */
#define LINE_MAX_BYTES 4096

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

/* Where lines go, and those that wait to go there. */
struct sink {
	int fd;
	struct line collected;
	bool failing; /* and it has been said */
	bool torn; /* its last line has no end */
};

static bool collecting;
static struct sink errors = {.fd = STDERR_FILENO};
static struct sink access_file = {.fd = -1}; /* -1: they go to `errors` */
static enum log_format access_format = LOG_FORMAT_KV;
static const char *process_name = "winnow";
static enum log_level least_level = LOG_LEVEL_INFO;
static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

void
log_init(const char *process, enum log_level level)
{
	process_name = process;
	least_level = level;
}

int
log_level_parse(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(level_names[i], name) == 0)
			return (int)i;
	return -1;
}

int
log_format_parse(const char *name)
{
	static const char *const names[] = {
	    [LOG_FORMAT_OFF] = "off",
	    [LOG_FORMAT_KV] = "kv",
	    [LOG_FORMAT_JSON] = "json",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static void
write_line(struct sink *sink, struct line *l)
{
	size_t len = l->len;
	ssize_t n;

	l->len = 0;
	/* What a full disk cut does not spoil the next line, too. */
	if (sink->torn && write(sink->fd, "\n", 1) == 1)
		sink->torn = false;
	n = write(sink->fd, l->text, len);
	if (n > 0 && (size_t)n < len)
		sink->torn = true;
	if (n == (ssize_t)len) {
		sink->failing = false;
	} else if (sink == &access_file && !sink->failing) {
		sink->failing = true;
		log_event(LOG_LEVEL_ERROR, "access_log.write", "error",
		    n == -1 ? strerror(errno) : "no space for a whole line",
		    "now", "lines are lost until it can be written", NULL);
	}
	/* That standard error fails, there is nobody to tell. */
}

void
log_collect(void)
{
	if (!collecting)
		atexit(log_flush);
	collecting = true;
}

void
log_flush(void)
{
	if (errors.collected.len > 0)
		write_line(&errors, &errors.collected);
	if (access_file.collected.len > 0)
		write_line(&access_file, &access_file.collected);
}

static void
line_add(struct line *l, const char *s, size_t n)
{
	if (n > sizeof(l->text) - 2 - l->len)
		n = sizeof(l->text) - 2 - l->len;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

/* True when a value can stand without quotes. */
static bool
is_plain(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f ||
		    *s == '"' || *s == '\\' || *s == '=')
			return false;
	return true;
}

static void
line_add_value(struct line *l, const char *s)
{
	char hex[5];

	if (is_plain(s)) {
		line_add(l, s, strlen(s));
		return;
	}
	line_add(l, "\"", 1);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			line_add(l, "\\", 1);
			line_add(l, s, 1);
		} else if (c < ' ' || c >= 0x7f) {
			snprintf(hex, sizeof(hex), "\\x%02x", c);
			line_add(l, hex, 4);
		} else {
			line_add(l, s, 1);
		}
	}
	line_add(l, "\"", 1);
}

/* "2026-01-31T23:59:59.123Z" */
static void
line_add_time(struct line *l)
{
	/* Many lines share a second. */
	static time_t second = -1;
	static char text[24];
	struct timespec now;
	struct tm tm;
	long ms;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second) {
		gmtime_r(&now.tv_sec, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		second = now.tv_sec;
	}
	ms = now.tv_nsec / 1000000;
	line_add(l, text, strlen(text));
	line_add(l,
	    (char[]){'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
		(char)('0' + ms % 10), 'Z'},
	    5);
}

static void
send_line(struct sink *sink, struct line *l, enum log_level level)
{
	bool urgent = !collecting || level <= LOG_LEVEL_WARN;
	struct line *collected = &sink->collected;

	if (urgent || collected->len + l->len > sizeof(collected->text))
		log_flush();
	if (urgent) {
		write_line(sink, l);
		return;
	}
	memcpy(collected->text + collected->len, l->text, l->len);
	collected->len += l->len;
}

/* "TIME PROCESS LEVEL EVENT" */
static void
line_begin(struct line *l, enum log_level level, const char *event)
{
	l->len = 0;
	line_add_time(l);
	line_add(l, " ", 1);
	line_add(l, process_name, strlen(process_name));
	line_add(l, " ", 1);
	line_add(l, level_names[level], strlen(level_names[level]));
	line_add(l, " ", 1);
	line_add(l, event, strlen(event));
}

static void
line_add_pair(struct line *l, const char *key, const char *value)
{
	line_add(l, " ", 1);
	line_add(l, key, strlen(key));
	line_add(l, "=", 1);
	line_add_value(l, value == NULL ? "-" : value);
}

void
log_event(enum log_level level, const char *event, ...)
{
	struct line l;
	const char *key;
	va_list ap;

	if (level > least_level)
		return;
	line_begin(&l, level, event);
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL)
		line_add_pair(&l, key, va_arg(ap, const char *));
	va_end(ap);
	l.text[l.len++] = '\n';
	send_line(&errors, &l, level);
}

void
log_access_init(enum log_format format, int fd)
{
	log_flush();
	access_format = format;
	access_file = (struct sink){.fd = fd};
}

/* Room for the end of a string, of the object and of the line. */
#define JSON_END 3

static size_t
line_room(const struct line *l)
{
	return sizeof(l->text) - JSON_END - l->len;
}

/* A string without its last quote, cut between two of its bytes. */
static void
line_add_json_string(struct line *l, const char *s)
{
	char escape[6];
	size_t n;

	line_add(l, "\"", 1);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		n = 1;
		escape[0] = *s;
		if (c == '"')
			n = (size_t)snprintf(escape, sizeof(escape), "\\\"");
		else if (c < ' ' || c >= 0x7f || c == '\\')
			n = (size_t)snprintf(
			    escape, sizeof(escape), "\\\\x%02x", c);
		if (n > line_room(l))
			break;
		memcpy(l->text + l->len, escape, n);
		l->len += n;
	}
	l->text[l->len++] = '"';
}

/* A member that there is no room to begin is left out. */
static void
line_add_member(struct line *l, const struct log_field *f)
{
	/* {"":"" or a number, or null */
	size_t least = strlen(f->key) + 8;

	if (f->value != NULL && f->is_number)
		least += strlen(f->value);
	if (least > line_room(l))
		return;
	line_add(l, l->len == 0 ? "{\"" : ",\"", 2);
	line_add(l, f->key, strlen(f->key));
	line_add(l, "\":", 2);
	if (f->value == NULL)
		line_add(l, "null", 4);
	else if (f->is_number)
		line_add(l, f->value, strlen(f->value));
	else
		line_add_json_string(l, f->value);
}

static void
format_json(struct line *l, const char *event, const struct log_field *fields,
    size_t count)
{
	struct line now = {.len = 0};
	struct log_field head[] = {{"time", now.text, false},
	    {"process", process_name, false},
	    {"level", level_names[LOG_LEVEL_INFO], false},
	    {"event", event, false}};
	size_t i;

	line_add_time(&now);
	now.text[now.len] = '\0';
	l->len = 0;
	for (i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		line_add_member(l, &head[i]);
	for (i = 0; i < count; i++)
		line_add_member(l, &fields[i]);
	l->text[l->len++] = '}';
}

void
log_access(const char *event, const struct log_field *fields, size_t count)
{
	bool is_apart = access_file.fd != -1;
	struct line l;
	size_t i;

	if (access_format == LOG_FORMAT_OFF ||
	    (!is_apart && LOG_LEVEL_INFO > least_level))
		return;
	if (access_format == LOG_FORMAT_JSON) {
		format_json(&l, event, fields, count);
	} else {
		line_begin(&l, LOG_LEVEL_INFO, event);
		for (i = 0; i < count; i++)
			line_add_pair(&l, fields[i].key, fields[i].value);
	}
	l.text[l.len++] = '\n';
	send_line(is_apart ? &access_file : &errors, &l, LOG_LEVEL_INFO);
}
