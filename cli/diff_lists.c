#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "winnow/audit.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* A name with something beside it, on one side. */
struct item {
	char *name; /* owned */
	json_t *value; /* owned */
};
struct items {
	struct item *list;
	size_t count;
	size_t capacity;
};

/* Takes the value. */
static void
add_item(struct items *items, char *name, json_t *value)
{
	items->list = mem_grow(
	    items->list, items->count, &items->capacity, sizeof(*items->list));
	items->list[items->count++] = (struct item){name, value};
}

static void
clear_items(struct items *items)
{
	size_t i;

	for (i = 0; i < items->count; i++) {
		free(items->list[i].name);
		json_decref(items->list[i].value);
	}
	free(items->list);
}

static int
compare_items(const void *a, const void *b)
{
	return strcmp(
	    ((const struct item *)a)->name, ((const struct item *)b)->name);
}

static json_t *
value_of(const struct item *item)
{
	return item == NULL ? json_null() : json_incref(item->value);
}

/* What the two have that the other has not, or has differently. */
static json_t *
compare_lists(struct items *a, struct items *b, const char *key)
{
	json_t *out = json_array();
	size_t i = 0, j = 0;

	if (a->count > 0)
		qsort(a->list, a->count, sizeof(*a->list), compare_items);
	if (b->count > 0)
		qsort(b->list, b->count, sizeof(*b->list), compare_items);
	while (i < a->count || j < b->count) {
		const struct item *x = i < a->count ? &a->list[i] : NULL;
		const struct item *y = j < b->count ? &b->list[j] : NULL;
		int order = x == NULL ? 1
		    : y == NULL       ? -1
				      : compare_items(x, y);
		json_t *object;

		i += order <= 0;
		j += order >= 0;
		if (order == 0 && json_equal(x->value, y->value))
			continue;
		object = json_object();
		json_put(
		    object, key, json_escaped(order <= 0 ? x->name : y->name));
		json_put(object, "a", value_of(order <= 0 ? x : NULL));
		json_put(object, "b", value_of(order >= 0 ? y : NULL));
		json_push(out, object);
	}
	clear_items(a);
	clear_items(b);
	return out;
}

static void
list_packages(const struct diff_side *s, struct items *out)
{
	size_t i;

	for (i = 0; i < pkgdb_count(s->packages); i++)
		if (s->kept == NULL || pkgdb_survives(s->packages, i, s->kept))
			add_item(out, mem_strdup(pkgdb_name(s->packages, i)),
			    json_escaped(pkgdb_version(s->packages, i)));
}

/* Members whose own members are listed one by one. */
static bool
is_opened(const char *key)
{
	static const char *const keys[] = {"config", "config.Labels",
	    "config.Volumes", "config.ExposedPorts", "config.Healthcheck"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* What says how and when the image was made, not what it is. */
static bool
is_history(const char *key)
{
	static const char *const keys[] = {"created", "history", "rootfs",
	    "container", "container_config", "docker_version"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* "A=1" under its name; each at its last value. */
static void
list_env(const json_t *env, struct items *out)
{
	const json_t *value;
	size_t i;

	json_array_foreach(env, i, value)
	{
		const char *text = json_string_value(value), *equals;

		if (text == NULL)
			continue;
		equals = strchr(text, '=');
		if (equals == NULL)
			equals = text + strlen(text);
		add_item(out,
		    mem_printf("config.Env.%.*s", (int)(equals - text), text),
		    json_escaped(*equals == '=' ? equals + 1 : ""));
	}
}

/* The members of the config; three levels are opened at most. */
static void
list_config(const json_t *config, struct items *out)
{
	struct items todo = {0};
	size_t i;

	add_item(&todo, mem_strdup(""), json_deep_copy(config));
	for (i = 0; i < todo.count; i++) {
		json_t *object = json_incref(todo.list[i].value), *value;
		auto_free char *prefix = mem_strdup(todo.list[i].name);
		const char *key;

		json_object_foreach(object, key, value)
		{
			char *name = mem_printf(
			    "%s%s%s", prefix, *prefix == '\0' ? "" : ".", key);

			if (*prefix == '\0' && is_history(key))
				free(name);
			else if (strcmp(name, "config.Env") == 0) {
				list_env(value, out);
				free(name);
			} else if (json_is_object(value) && is_opened(name))
				add_item(&todo, name, json_incref(value));
			else
				add_item(out, name, json_incref(value));
		}
		json_decref(object);
	}
	clear_items(&todo);
}

static void
list_findings(const struct diff_side *s, bool *distroless, struct items *out)
{
	auto_audit struct audit *a = NULL;
	size_t i;

	audit_run(s->view->tree, s->kept, s->preview.policy, s->config, &a);
	*distroless = audit_is_distroless(a);
	for (i = 0; i < a->count; i++) {
		const struct audit_finding *f = &a->findings[i];
		auto_strbuf struct strbuf name;

		strbuf_init(&name, SIZE_MAX);
		strbuf_add_format(
		    &name, "%s ", audit_category_name(f->category));
		audit_where(f, &name);
		add_item(out, strbuf_steal(&name), json_true());
	}
}

void
diff_compare_lists(struct diff *d)
{
	struct items a = {0}, b = {0};

	list_packages(&d->sides[0], &a);
	list_packages(&d->sides[1], &b);
	d->packages = compare_lists(&a, &b, "name");
	a = b = (struct items){0};
	list_config(d->sides[0].config, &a);
	list_config(d->sides[1].config, &b);
	d->config = compare_lists(&a, &b, "key");
	a = b = (struct items){0};
	list_findings(&d->sides[0], &d->distroless[0], &a);
	list_findings(&d->sides[1], &d->distroless[1], &b);
	d->audit = compare_lists(&a, &b, "finding");
}
