#include "closure_private.h"

#include <string.h>

#include "winnow/limits.h"
#include "winnow/mem.h"

void
closure_report_preload(
    struct closure *c, struct tree_node *n, const char *path, const char *name)
{
	const struct closure_preload preload = {
	    .by = c->loaded[0].object->node,
	    .needed = n,
	    .path = path,
	    .name = name,
	    .origin = c->preloading,
	};

	c->callbacks->preload(c->callbacks->arg, &preload);
}

static void
preload_library(struct closure *c, const char *text, size_t len)
{
	uint32_t name = intern_add(&c->strings, text, len);

	if (!closure_need(c, 0, name))
		closure_report_preload(
		    c, NULL, NULL, intern_string(&c->strings, name));
}

static void
preload_libraries(struct closure *c, const char *origin, const char *text,
    const char *separators)
{
	size_t i, len;

	c->preloading = origin;
	text += strspn(text, separators);
	for (i = 0; *text != '\0' && i < CLOSURE_MAX_ENV; i++) {
		len = strcspn(text, separators);
		if (len < LIMIT_PATH)
			preload_library(c, text, len);
		text += len;
		text += strspn(text, separators);
	}
	c->preloading = NULL;
}

/*
 * Blanks comments as glibc 2.36 does: it looks for each further one in as many
 * bytes from the start as the last one left, and so leaves later ones alone.
 */
static void
blank_comments(char *text)
{
	size_t rest = strlen(text);
	char *comment;

	while ((comment = memchr(text, '#', rest)) != NULL) {
		rest -= (size_t)(comment - text);
		do
			*comment++ = ' ';
		while (--rest > 0 && *comment != '\n');
	}
}

void
closure_load_preloads(struct closure *c)
{
	const struct closure_object *root = c->loaded[0].object;
	auto_free char *names = NULL;

	if (root->facts->interpreter == NULL)
		return;
	if (c->env.preload != NULL && !closure_is_secure(root))
		preload_libraries(c, "LD_PRELOAD", c->env.preload,
		    closure_is_musl(c) ? " \t\n\v\f\r:" : " :");
	if (c->env.preload_file == NULL || closure_is_musl(c))
		return;
	names = mem_strdup(c->env.preload_file);
	blank_comments(names);
	preload_libraries(c, CLOSURE_PRELOAD_FILE, names, ": \t\n");
}
