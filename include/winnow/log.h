/*
 * log: one line per event, `event key=value ...`, to standard error.
 *
 * Values are escaped: bytes from outside cannot break a line or a terminal.
 * Never pass a credential.  The process' name (core, server, worker) stands
 * first.  Any process may use it.
 */
#ifndef WINNOW_LOG_H
#define WINNOW_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Sets the name in front of every line (borrowed) and the least level. */
void log_init(const char *process, enum log_level level);

/*
 * From now on lines are collected, to be written together by log_flush(),
 * which the caller promises to call before it waits for anything.  Warnings
 * and errors are written at once, after what was collected.
 */
void log_collect(void);
void log_flush(void);

/* Parses "error", "warn", "info" or "debug"; -1 for anything else. */
int log_level_parse(const char *name);

/*
 * Writes one event.  `event` is a fixed dotted name ("pull.done"); then
 * pairs of key (const char *) and value (const char *, NULL prints -), ended
 * by NULL:
 *
 *	log_event(LOG_LEVEL_INFO, "pull.done", "repo", repo, NULL);
 */
void log_event(enum log_level level, const char *event, ...)
    __attribute__((sentinel));

/*
 * The access log: lines of one kind that go to standard error like others (at
 * level info) or to a file of their own (always).
 */
enum log_format { LOG_FORMAT_OFF, LOG_FORMAT_KV, LOG_FORMAT_JSON };

struct log_field {
	const char *key;
	const char *value; /* NULL: "-", in JSON null */
	bool is_number; /* `value` is one, for JSON */
};

/* Parses "off", "kv" or "json"; -1 for anything else. */
int log_format_parse(const char *name);

/*
 * Takes the form, and the file (open for appending; -1: standard error), for
 * the lines from now on; those collected go where they were meant for.
 */
void log_access_init(enum log_format format, int fd);

/*
 * One line.  In JSON it is an object with time, process, level and event
 * before the fields; other bytes than printable ASCII, and backslashes, stand
 * in its strings as \xNN.  What is too long is cut inside a string.
 */
void
log_access(const char *event, const struct log_field *fields, size_t count);

#endif
