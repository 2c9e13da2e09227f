#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"
#include "winnow/yaml.h"

/* Nobody reads further; a file of nonsense must not fill memory. */
#define MISTAKES_MAX 1000

void
yaml_mistakes_clear(struct yaml_mistakes *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		free(m->items[i].file);
		free(m->items[i].text);
	}
	free(m->items);
	*m = (struct yaml_mistakes){0};
}

void
yaml_mistakes_add(struct yaml_mistakes *m, const char *file,
    const unsigned position[2], const char *fmt, ...)
{
	struct yaml_mistake *mistake;
	char text[ERR_MESSAGE_MAX];
	va_list ap;

	if (m->count == MISTAKES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m->items =
	    mem_grow(m->items, m->count, &m->capacity, sizeof(*m->items));
	mistake = &m->items[m->count++];
	mistake->file = mem_strdup(file);
	mistake->line = position[0];
	mistake->column = position[1];
	mistake->text = mem_strdup(text);
}

void
yaml_mistakes_format(const struct yaml_mistakes *m, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct yaml_mistake *item = &m->items[i];

		strbuf_add_string(out, item->file);
		if (item->line > 0)
			strbuf_add_format(
			    out, ":%u:%u", item->line, item->column);
		strbuf_add_format(out, ": %s\n", item->text);
	}
}

/* By file, then position, then text, so that the order is one only. */
static int
compare(const void *a, const void *b)
{
	const struct yaml_mistake *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	if (order != 0)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

int
yaml_mistakes_finish(struct yaml_mistakes *m, const char *what, struct err *e)
{
	auto_strbuf struct strbuf first;
	struct yaml_mistakes one = {m->items, 1, 1};

	strbuf_init(&first, ERR_MESSAGE_MAX * 2);
	if (m->count == 0)
		return 0;
	qsort(m->items, m->count, sizeof(*m->items), compare);
	yaml_mistakes_format(&one, &first);
	return err_set(e, ERR_INVALID, "%s: %zu mistake%s: %.*s%s", what,
	    m->count, m->count == 1 ? "" : "s",
	    first.len > 0 ? (int)first.len - 1 : 0, strbuf_string(&first),
	    m->count == 1 ? "" : "; ...");
}
