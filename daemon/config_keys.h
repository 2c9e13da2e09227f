/*
 * config_keys: the table of configuration keys, one row each.  Reading,
 * printing, the sample file and winnow.conf(5) all follow it.
 */
#ifndef WINNOW_DAEMON_CONFIG_KEYS_H
#define WINNOW_DAEMON_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_ACCESS, /* struct config_access */
	CONFIG_ACTION, /* enum config_default: pass or deny */
	CONFIG_BOOL,
	CONFIG_DURATION, /* uint64_t, milliseconds */
	CONFIG_GROUPS, /* nothing: rules are read with their groups */
	CONFIG_NUMBER, /* uint64_t */
	CONFIG_PATH, /* relative ones start at the file's directory */
	CONFIG_SIZE, /* uint64_t, bytes */
	CONFIG_STRING,
	CONFIG_STRINGS, /* and the size_t `count` at `count_offset`; the
			   default "" is an empty list */
	CONFIG_TLS, /* struct config_tls */
	CONFIG_UPSTREAMS
};

struct config_key {
	const char *name;
	enum config_type type;
	size_t offset; /* in struct config */
	size_t count_offset; /* CONFIG_STRINGS */
	const char *value; /* the default; NULL: none, or config.c's */
	uint64_t min, max; /* of a number, duration (ms) or size */
	bool reload; /* a reload changes it; else a restart does */
	const char *doc; /* one line */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

#endif
