/*
 * log: one line per event, `event key=value ...`, to standard error.
 *
 * Values are escaped: bytes from outside cannot break a line or a terminal.
 * Never pass a credential.  The process' name (core, server, worker) stands
 * first.  Any process may use it.
 */
#ifndef WINNOW_LOG_H
#define WINNOW_LOG_H

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

#endif
