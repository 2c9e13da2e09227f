/*
 * glob_pattern: a glob's text taken apart, for glob.c alone.
 */
#ifndef WINNOW_GLOB_PATTERN_H
#define WINNOW_GLOB_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "winnow/err.h"

enum glob_token_kind { GLOB_BYTE, GLOB_ANY_BYTE, GLOB_SET, GLOB_STAR };

/* Which of the 256 bytes a bracket takes. */
struct glob_set {
	uint8_t bits[32];
};

struct glob_token {
	enum glob_token_kind kind;
	char byte; /* of GLOB_BYTE */
	struct glob_set *set; /* of GLOB_SET; owned */
};

enum glob_component_kind { GLOB_LITERAL, GLOB_WILD, GLOB_ANY_DEPTH };

struct glob_component {
	enum glob_component_kind kind;
	char *text; /* of GLOB_LITERAL, without its escapes */
	size_t text_len;
	struct glob_token *tokens; /* of GLOB_WILD */
	size_t token_count;
};

/* One pattern without braces. */
struct glob_alternative {
	struct glob_component *components; /* GLOB_ANY_DEPTH is never last */
	size_t count;
	/* Of glob.c: */
	char *prefix; /* NULL in a rest */
	size_t prefix_len;
	struct glob *rest;
};

/*
 * Parses a pattern into `*count` alternatives, which the caller owns, with
 * `prefix` and `rest` at NULL.  ERR_INVALID or ERR_LIMIT, and the byte of the
 * pattern where it is wrong in *column.  A `**` at the end becomes `**` and
 * `*`: everything below, but not the directory itself.
 */
int glob_pattern_parse(const char *pattern, struct glob_alternative **items,
    size_t *count, size_t *column, struct err *e);

void glob_alternative_clear(struct glob_alternative *a);

#endif
