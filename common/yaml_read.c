#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/strbuf.h"
#include "winnow/yaml.h"

/* "a string, a list", for messages. */
static const char *
format_types(unsigned types, struct strbuf *out)
{
	static const struct {
		enum yaml_type type;
		const char *name;
	} names[] = {
	    {YAML_STRING, "a string"},
	    {YAML_LIST, "a list"},
	    {YAML_MAP, "a map"},
	    {YAML_NULL, "null"},
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((types & names[i].type) == 0)
			continue;
		if (out->len > 0)
			strbuf_add_string(out, " or ");
		strbuf_add_string(out, names[i].name);
	}
	return strbuf_string(out);
}

/* Checks the type of an item or value; `what` names it. */
static bool
check_type(const struct yaml_doc *doc, const struct yaml_node *node,
    unsigned types, const char *what)
{
	auto_strbuf struct strbuf b;

	strbuf_init(&b, 100);
	if ((node->type & types) != 0)
		return true;
	yaml_complain(doc,
	    node->type == YAML_NULL && node->key != NULL ? node->key : node,
	    "%s must be %s", what, format_types(types, &b));
	return false;
}

/* True when one insertion, deletion, change or swap makes a into b. */
static bool
is_one_letter_off(const char *a, const char *b)
{
	size_t m, n;

	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	m = strlen(a);
	n = strlen(b);
	if (m == n && m > 0 && strcmp(a + 1, b + 1) == 0)
		return true;
	if (m == n && m > 1 && a[0] == b[1] && a[1] == b[0] &&
	    strcmp(a + 2, b + 2) == 0)
		return true;
	return (m == n + 1 && strcmp(a + 1, b) == 0) ||
	    (n == m + 1 && strcmp(a, b + 1) == 0);
}

/* True when `word` is one of the words of a list parted by spaces. */
static bool
has_word(const char *words, const char *word)
{
	size_t len = strlen(word), n;

	while (words != NULL && *words != '\0') {
		n = strcspn(words, " ");
		if (n == len && memcmp(words, word, n) == 0)
			return true;
		words += n;
		words += strspn(words, " ");
	}
	return false;
}

static void
complain_unknown(const struct yaml_doc *doc, const struct yaml_node *key,
    const struct yaml_key *keys, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!is_one_letter_off(key->text, keys[i].name) &&
		    !has_word(keys[i].synonyms, key->text))
			continue;
		yaml_complain(doc, key,
		    "unknown key \"%s\": did you mean \"%s\"?", key->text,
		    keys[i].name);
		return;
	}
	yaml_complain(doc, key, "unknown key \"%s\"", key->text);
}

/* Checks one value against the table. */
static bool
check_value(const struct yaml_doc *doc, const struct yaml_node *value,
    const struct yaml_key *keys, size_t count)
{
	auto_free char *what = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(keys[i].name, value->key->text) != 0)
			continue;
		what = mem_printf("\"%s\"", keys[i].name);
		return check_type(doc, value, keys[i].types, what);
	}
	complain_unknown(doc, value->key, keys, count);
	return false;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order != 0)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : 1;
}

/* Reports every key that a map has twice, by sorting them. */
static bool
check_duplicates(const struct yaml_doc *doc, const struct yaml_node *map)
{
	auto_free const struct yaml_node **sorted = NULL;
	const struct yaml_node *value;
	size_t count = 0, i;
	bool ok = true;

	for (value = map->first; value != NULL; value = value->next)
		count++;
	sorted = mem_zalloc(count, sizeof(*sorted));
	count = 0;
	for (value = map->first; value != NULL; value = value->next)
		sorted[count++] = value->key;
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (i = 1; i < count; i++) {
		if (strcmp(sorted[i]->text, sorted[i - 1]->text) != 0)
			continue;
		yaml_complain(doc, sorted[i],
		    "duplicate key \"%s\": it is in line %u already",
		    sorted[i]->text, sorted[i - 1]->line);
		ok = false;
	}
	return ok;
}

static bool
check_required(const struct yaml_doc *doc, const struct yaml_node *map,
    const struct yaml_key *key)
{
	const struct yaml_node *value;

	if (!key->required)
		return true;
	for (value = map->first; value != NULL; value = value->next) {
		if (strcmp(value->key->text, key->name) == 0)
			return true;
	}
	yaml_complain(doc, map, "\"%s\" is missing", key->name);
	return false;
}

bool
yaml_check_map(const struct yaml_doc *doc, const struct yaml_node *node,
    const struct yaml_key *keys, size_t count)
{
	const struct yaml_node *value;
	bool ok;
	size_t i;

	if (!check_type(doc, node, YAML_MAP, "this"))
		return false;
	ok = check_duplicates(doc, node);
	for (value = node->first; value != NULL; value = value->next) {
		if (!check_value(doc, value, keys, count))
			ok = false;
	}
	for (i = 0; i < count; i++) {
		if (!check_required(doc, node, &keys[i]))
			ok = false;
	}
	return ok;
}

bool
yaml_check_items(
    const struct yaml_doc *doc, const struct yaml_node *node, unsigned types)
{
	const struct yaml_node *item;
	bool ok = true;

	if (node->type == YAML_MAP)
		ok = check_duplicates(doc, node);
	for (item = node->first; item != NULL; item = item->next) {
		if (!check_type(doc, item, types, "this"))
			ok = false;
	}
	return ok;
}

const struct yaml_node *
yaml_get(const struct yaml_node *map, const char *key, enum yaml_type type)
{
	const struct yaml_node *value;

	if (map->type != YAML_MAP)
		return NULL;
	for (value = map->first; value != NULL; value = value->next) {
		if (strcmp(value->key->text, key) == 0)
			return value->type == type ? value : NULL;
	}
	return NULL;
}

const char *
yaml_get_string(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *value = yaml_get(map, key, YAML_STRING);

	return value == NULL ? NULL : value->text;
}

void
yaml_get_bool(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, bool *out)
{
	const struct yaml_node *value = yaml_get(map, key, YAML_STRING);

	if (value == NULL)
		return;
	if (strcmp(value->text, "true") == 0)
		*out = true;
	else if (strcmp(value->text, "false") == 0)
		*out = false;
	else
		yaml_complain(doc, value, "\"%s\" is neither true nor false",
		    value->text);
}

void
yaml_get_size(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, uint64_t *bytes)
{
	const struct yaml_node *value = yaml_get(map, key, YAML_STRING);
	struct err e;

	if (value != NULL && num_parse_size(value->text, bytes, &e) == -1)
		yaml_complain(doc, value, "%s", e.message);
}

void
yaml_get_duration(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, uint64_t *ms)
{
	const struct yaml_node *value = yaml_get(map, key, YAML_STRING);
	struct err e;

	if (value != NULL && num_parse_duration(value->text, ms, &e) == -1)
		yaml_complain(doc, value, "%s", e.message);
}

void
yaml_get_uint(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, const uint64_t limits[2], uint64_t *out)
{
	const struct yaml_node *value = yaml_get(map, key, YAML_STRING);
	struct err e;

	if (value != NULL &&
	    num_parse(value->text, limits[0], limits[1], key, out, &e) == -1)
		yaml_complain(doc, value, "%s", e.message);
}

void
yaml_get_strings(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, char ***out, size_t *count)
{
	const struct yaml_node *list = yaml_get(map, key, YAML_LIST), *item;
	size_t capacity = 0;

	if (list == NULL)
		return;
	(void)yaml_check_items(doc, list, YAML_STRING);
	for (item = list->first; item != NULL; item = item->next) {
		if (item->type != YAML_STRING)
			continue;
		*out = mem_grow(*out, *count, &capacity, sizeof(**out));
		(*out)[(*count)++] = mem_strdup(item->text);
	}
}
