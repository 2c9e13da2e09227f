/* Names of members as clients written in Go read them. */
#include <stdbool.h>
#include <string.h>

#include "winnow/json.h"

/*
 * The next character, in lower case where it is ASCII or folds to it: LATIN
 * SMALL LETTER LONG S and KELVIN SIGN do.
 */
static unsigned char
next_folded(const char **s)
{
	static const struct {
		const char *bytes;
		unsigned char letter;
	} others[] = {{"\xc5\xbf", 's'}, {"\xe2\x84\xaa", 'k'}};
	unsigned char c = (unsigned char)**s;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t len = strlen(others[i].bytes);

		if (strncmp(*s, others[i].bytes, len) != 0)
			continue;
		*s += len;
		return others[i].letter;
	}
	++*s;
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool
is_taken_for(const char *key, const char *name)
{
	while (*key != '\0' && *name != '\0')
		if (next_folded(&key) != next_folded(&name))
			return false;
	return *key == *name;
}

/* How the member is spelled. */
static const char *
find_name(const char *key, const char *const *names)
{
	for (; *names != NULL; names++)
		if (is_taken_for(key, *names))
			return *names;
	return key;
}

static bool
is_spelled(json_t *object, const char *const *names)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (strcmp(find_name(key, names), key) != 0)
			return false;
	}
	return true;
}

int
json_spell(json_t *object, const char *const *names, struct err *e)
{
	auto_json json_t *spelled = NULL;
	const char *key, *name;
	json_t *value;

	if (is_spelled(object, names))
		return 0;
	spelled = json_object();
	json_object_foreach(object, key, value)
	{
		name = find_name(key, names);
		if (json_object_get(spelled, name) != NULL)
			return err_set(e, ERR_INVALID,
			    "\"%s\" is there twice: clients do not tell "
			    "capital letters from small ones",
			    name);
		json_put(spelled, name, json_incref(value));
	}
	json_object_clear(object);
	json_object_foreach(spelled, key, value)
	    json_put(object, key, json_incref(value));
	return 0;
}
