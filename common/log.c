#include "winnow/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One line at the most; longer values are cut and marked. */
#define LINE_MAX_BYTES 4096

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

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

void
log_event(enum log_level level, const char *event, ...)
{
	struct line l = {.len = 0};
	struct timespec now;
	struct tm tm;
	char stamp[32];
	const char *key;
	va_list ap;
	ssize_t n;

	if (level > least_level)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	l.len = strftime(l.text, sizeof(l.text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp, sizeof(stamp), ".%03ldZ ", now.tv_nsec / 1000000);
	line_add(&l, stamp, strlen(stamp));
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
	n = write(STDERR_FILENO, l.text, l.len);
	(void)n;
}
