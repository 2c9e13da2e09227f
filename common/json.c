#include "winnow/json.h"

#include <stdbool.h>
#include <string.h>

#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"
#include "winnow/strbuf.h"

/*
 * Walks the text's brackets, outside strings, before the parser recurses
 * over them.
 */
static bool
is_too_deep(const char *text, size_t len)
{
	bool in_string = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > LIMIT_JSON_DEPTH)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

/* Parses one value, which must be an object or array as `type` says. */
static int
parse_value(const char *text, size_t len, const char *what, json_type type,
    json_t **out, struct err *e)
{
	const char *kind = type == JSON_ARRAY ? "array" : "object";
	json_error_t error;
	json_t *value;

	if (is_too_deep(text, len))
		return err_set(e, ERR_LIMIT, "%s nests deeper than %d", what,
		    LIMIT_JSON_DEPTH);
	value = json_loadb(
	    text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (value == NULL)
		return err_set(e, ERR_INVALID, "%s is not JSON: line %d: %s",
		    what, error.line, error.text);
	if (json_typeof(value) != type) {
		json_decref(value);
		return err_set(
		    e, ERR_INVALID, "%s is not a JSON %s", what, kind);
	}
	*out = value;
	return 0;
}

int
json_parse_object(
    const char *text, size_t len, const char *what, json_t **out, struct err *e)
{
	return parse_value(text, len, what, JSON_OBJECT, out, e);
}

int
json_parse_array(
    const char *text, size_t len, const char *what, json_t **out, struct err *e)
{
	return parse_value(text, len, what, JSON_ARRAY, out, e);
}

/* The member, or NULL where it is missing or null; fails when required. */
static int
get_member(const json_t *object, const char *key, enum json_need need,
    json_t **out, struct err *e)
{
	json_t *value = json_object_get(object, key);

	if (json_is_null(value))
		value = NULL;
	if (value == NULL && need == JSON_REQUIRED)
		return err_set(e, ERR_INVALID, "\"%s\" is missing", key);
	*out = value;
	return 0;
}

int
json_get_string(const json_t *object, const char *key, enum json_need need,
    const char **out, struct err *e)
{
	json_t *value = NULL;

	if (get_member(object, key, need, &value, e) == -1)
		return -1;
	if (value == NULL) {
		*out = NULL;
		return 0;
	}
	if (!json_is_string(value))
		return err_set(e, ERR_INVALID, "\"%s\" is not a string", key);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return err_set(e, ERR_INVALID, "\"%s\" has a NUL inside", key);
	*out = json_string_value(value);
	return 0;
}

int
json_get_uint(const json_t *object, const char *key, enum json_need need,
    uint64_t max, uint64_t *out, struct err *e)
{
	json_t *value = NULL;

	if (get_member(object, key, need, &value, e) == -1)
		return -1;
	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max)
		return err_set(e, ERR_INVALID,
		    "\"%s\" is not a whole number up to %llu", key,
		    (unsigned long long)max);
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

int
json_get_array(const json_t *object, const char *key, enum json_need need,
    json_t **out, struct err *e)
{
	json_t *value = NULL;

	if (get_member(object, key, need, &value, e) == -1)
		return -1;
	if (value != NULL && !json_is_array(value))
		return err_set(e, ERR_INVALID, "\"%s\" is not an array", key);
	*out = value;
	return 0;
}

int
json_get_object(const json_t *object, const char *key, enum json_need need,
    json_t **out, struct err *e)
{
	json_t *value = NULL;

	if (get_member(object, key, need, &value, e) == -1)
		return -1;
	if (value != NULL && !json_is_object(value))
		return err_set(e, ERR_INVALID, "\"%s\" is not an object", key);
	*out = value;
	return 0;
}

void
json_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) == -1)
		_exit(MEM_EXIT_STATUS);
}

void
json_push(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == -1)
		_exit(MEM_EXIT_STATUS);
}

json_t *
json_escaped(const char *bytes)
{
	auto_strbuf struct strbuf b;

	strbuf_init(&b, SIZE_MAX);
	path_escape(bytes, &b);
	return json_string(strbuf_string(&b));
}

json_t *
json_escaped_all(char *const *strings, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_push(array, json_escaped(strings[i]));
	return array;
}

char *
json_format(const json_t *value, size_t *len)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL)
		_exit(MEM_EXIT_STATUS);
	if (len != NULL)
		*len = strlen(text);
	return text;
}
