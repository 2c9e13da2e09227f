/*
 * json: JSON from outside, through jansson, bounded and strict: no
 * duplicate names, at most LIMIT_JSON_DEPTH deep, numbers that fit.  Object
 * order is kept, so that what is written again looks as it came.
 */
#ifndef WINNOW_JSON_H
#define WINNOW_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/err.h"

static inline void
auto_json_cleanup(json_t **j)
{
	json_decref(*j);
}
/* A counted reference that is dropped at the end of the scope. */
#define auto_json __attribute__((cleanup(auto_json_cleanup)))

/*
 * Parses `len` bytes that are one JSON object.  `what` names it in messages
 * ("manifest of docker.io/library/postgres:16").  *out is a new reference.
 */
int json_parse_object(const char *text, size_t len, const char *what,
    json_t **out, struct err *e);

/* The same for one JSON array. */
int json_parse_array(const char *text, size_t len, const char *what,
    json_t **out, struct err *e);

/*
 * Members of an object.  A missing member: `optional` leaves *out at NULL
 * (or unchanged for numbers), else ERR_INVALID names it.  A member of another
 * type, or null, is ERR_INVALID (null counts as missing when optional).
 * Strings and values are borrowed.  A string with a NUL inside is refused.
 */
enum json_need { JSON_REQUIRED, JSON_OPTIONAL };
int json_get_string(const json_t *object, const char *key, enum json_need need,
    const char **out, struct err *e);
int json_get_uint(const json_t *object, const char *key, enum json_need need,
    uint64_t max, uint64_t *out, struct err *e);
int json_get_array(const json_t *object, const char *key, enum json_need need,
    json_t **out, struct err *e);
int json_get_object(const json_t *object, const char *key, enum json_need need,
    json_t **out, struct err *e);

/*
 * Clients written in Go take the members "user" and "USER" for "User"
 * (encoding/json), the last one in the text winning: a member that they would
 * take for one of `names`, which NULL ends, gets that name and keeps its
 * place.  ERR_INVALID where two members are one to them.
 */
int json_spell(json_t *object, const char *const *names, struct err *e);

/*
 * Puts a new reference, which it takes, into an object or at the end of an
 * array.  A key that is there keeps its place.  Out of memory ends the
 * process, like mem.h.
 */
void json_put(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);

/* A new string of any bytes: those outside printable ASCII as \xNN. */
json_t *json_escaped(const char *bytes);
/* A new array of these. */
json_t *json_escaped_all(char *const *strings, size_t count);

/*
 * The compact text of a value, keys in their order: the same value gives the
 * same bytes.  The caller frees it; *len excludes the NUL.
 */
char *json_format(const json_t *value, size_t *len);

#endif
