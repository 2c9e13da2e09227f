/*
 * yaml: files that admins write, read so that every mistake is reported at
 * once, each with its file, line and column.
 *
 * A file is one document of maps, lists and strings.  Anchors, aliases and
 * tags are refused: nothing in a file means something that is not written
 * there.  Every scalar is the text that was written: 1.10 stays "1.10".
 *
 *	struct yaml_mistakes mistakes = {0};
 *	auto_yaml_doc struct yaml_doc *doc = NULL;
 *
 *	if (yaml_load_file(path, "a.yaml", &doc, &mistakes, e) == 0 &&
 *	    yaml_check_map(doc, yaml_root(doc), keys, key_count)) {
 *		name = yaml_get_string(yaml_root(doc), "name");
 *		...
 *	}
 *	return yaml_mistakes_finish(&mistakes, path, e);
 *
 * yaml_check_map() reports unknown, duplicate and missing keys and values of
 * a wrong type; the getters behind it are silent about those and report what
 * the text of a value lacks.
 */
#ifndef WINNOW_YAML_H
#define WINNOW_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/err.h"
#include "winnow/strbuf.h"

/* One mistake in a file; line and column from 1, or 0 for the whole file. */
struct yaml_mistake {
	char *file;
	unsigned line;
	unsigned column;
	char *text;
};
/* All of them, up to a thousand; starts as {0}. */
struct yaml_mistakes {
	struct yaml_mistake *items;
	size_t count;
	size_t capacity;
};
void yaml_mistakes_clear(struct yaml_mistakes *m);
void yaml_mistakes_add(struct yaml_mistakes *m, const char *file,
    const unsigned position[2], const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* One line "FILE:LINE:COLUMN: text" each. */
void yaml_mistakes_format(const struct yaml_mistakes *m, struct strbuf *out);
/*
 * 0 when there is no mistake.  Else -1 with ERR_INVALID, which says how many
 * `what` has and the first; they are then in order of file and position.
 */
int
yaml_mistakes_finish(struct yaml_mistakes *m, const char *what, struct err *e);

/* Bits, so that a key may allow several. */
enum yaml_type {
	YAML_NULL = 1, /* nothing, ~ or null */
	YAML_STRING = 2, /* any other scalar */
	YAML_LIST = 4,
	YAML_MAP = 8
};

struct yaml_node {
	enum yaml_type type;
	unsigned line; /* from 1 */
	unsigned column;
	char *text; /* of a scalar, else NULL */
	unsigned inset; /* columns from `column` to the text: a quote */
	bool verbatim; /* written as the text is, so that columns count */
	struct yaml_node *key; /* of a value in a map */
	struct yaml_node *parent;
	struct yaml_node *first; /* items, or values in a map */
	struct yaml_node *next; /* behind this one in the same list or map */
	/* For loading and releasing. */
	struct yaml_node *last;
	struct yaml_node *allocated;
};

struct yaml_doc;

/*
 * Reads a file of at most LIMIT_YAML_SIZE bytes.  `name` names it in
 * mistakes.  On failure the reason is the last of `mistakes`, and in *e.
 * `mistakes` must outlive the document.
 */
int yaml_load_file(const char *path, const char *name, struct yaml_doc **out,
    struct yaml_mistakes *mistakes, struct err *e);
/* The same for a text. */
int yaml_load_text(const char *text, size_t len, const char *name,
    struct yaml_doc **out, struct yaml_mistakes *mistakes);
void yaml_doc_free(struct yaml_doc *doc);

AUTO_DEFINE(yaml_doc, yaml_doc_free)
#define auto_yaml_doc __attribute__((cleanup(auto_yaml_doc_cleanup)))

/* The document's one value; YAML_NULL for an empty file.  Never NULL. */
const struct yaml_node *yaml_root(const struct yaml_doc *doc);

/* Reports a mistake at the node, or `offset` characters inside its text. */
void yaml_complain(const struct yaml_doc *doc, const struct yaml_node *node,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void yaml_complain_inside(const struct yaml_doc *doc,
    const struct yaml_node *node, size_t offset, const char *text);

struct yaml_key {
	const char *name;
	unsigned types; /* enum yaml_type, or'ed */
	bool required;
	const char *synonyms; /* "allow paths": other words for it, or NULL */
};

/*
 * Checks that `node` is a map with these keys only, each at most once and of
 * an allowed type.  False when it is not; all is then reported.
 */
bool yaml_check_map(const struct yaml_doc *doc, const struct yaml_node *node,
    const struct yaml_key *keys, size_t count);

/*
 * Checks that every item of a list, or every value of a map with free keys,
 * is of an allowed type, and that no key is there twice.
 */
bool yaml_check_items(
    const struct yaml_doc *doc, const struct yaml_node *node, unsigned types);

/* The value of a key of that type, or NULL. */
const struct yaml_node *
yaml_get(const struct yaml_node *map, const char *key, enum yaml_type type);
/* Its text, borrowed, or NULL. */
const char *yaml_get_string(const struct yaml_node *map, const char *key);

/*
 * Values read from a string.  A missing key leaves *out as it is; a text
 * that is not such a value is reported and leaves it, too.
 */
void yaml_get_bool(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, bool *out);
void yaml_get_size(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, uint64_t *bytes);
void yaml_get_duration(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, uint64_t *ms);
/* A number from limits[0] to limits[1]. */
void yaml_get_uint(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, const uint64_t limits[2], uint64_t *out);
/*
 * Appends copies of a list's strings to the caller's *out; other items are
 * reported and left out.
 */
void yaml_get_strings(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, char ***out, size_t *count);

#endif
