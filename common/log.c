#include "winnow/log.h"

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

static bool collecting;
static struct line collected;
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

static void
write_line(struct line *l)
{
	ssize_t n = write(STDERR_FILENO, l->text, l->len);

	/* There is nobody to tell. */
	(void)n;
	l->len = 0;
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
	if (collected.len > 0)
		write_line(&collected);
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

/* "2026-01-31T23:59:59.123Z " */
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
		(char)('0' + ms % 10), 'Z', ' '},
	    6);
}

static void
send_line(struct line *l, enum log_level level)
{
	bool urgent = !collecting || level <= LOG_LEVEL_WARN;

	if (urgent || collected.len + l->len > sizeof(collected.text))
		log_flush();
	if (urgent) {
		write_line(l);
		return;
	}
	memcpy(collected.text + collected.len, l->text, l->len);
	collected.len += l->len;
}

void
log_event(enum log_level level, const char *event, ...)
{
	struct line l;
	const char *key;
	va_list ap;

	if (level > least_level)
		return;
	l.len = 0;
	line_add_time(&l);
	line_add(&l, process_name, strlen(process_name));
	line_add(&l, " ", 1);
	line_add(&l, level_names[level], strlen(level_names[level]));
	line_add(&l, " ", 1);
	line_add(&l, event, strlen(event));
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL) {
		const char *value = va_arg(ap, const char *);

		line_add(&l, " ", 1);
		line_add(&l, key, strlen(key));
		line_add(&l, "=", 1);
		line_add_value(&l, value == NULL ? "-" : value);
	}
	va_end(ap);
	l.text[l.len++] = '\n';
	send_line(&l, level);
}
