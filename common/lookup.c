#include "lookup.h"

#include <string.h>

#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

/* What runtimes use when the config sets no PATH. */
#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Whether a resolution passes through kept nodes only. */
struct walk {
	const struct lookup *lookup;
	bool all_kept;
};

static void
visit(void *arg, struct tree_node *n)
{
	struct walk *w = arg;

	if (!w->lookup->keeps(w->lookup->arg, n))
		w->all_kept = false;
}

bool
lookup_is_executable(const struct tree_node *n)
{
	return tree_node_type(n) == ENTRY_FILE && (n->entry->mode & 0111) != 0;
}

/* Tries one path; true when it settles the search. */
static bool
try_path(const struct lookup *l, const char *path, struct lookup_result *r)
{
	struct walk w = {.lookup = l, .all_kept = true};
	const struct tree_node *n =
	    tree_resolve(l->tree, NULL, path, 0, visit, &w);

	if (n == NULL || !lookup_is_executable(n))
		return false;
	if (w.all_kept) {
		r->node = n;
		return true;
	}
	if (r->lost == NULL) {
		r->lost = n;
		r->lost_path = mem_strdup(path);
	}
	return false;
}

void
lookup_program(
    const struct lookup *l, const char *name, struct lookup_result *out)
{
	const char *dirs = l->dirs == NULL ? DEFAULT_PATH : l->dirs;
	const char *workdir = l->workdir == NULL ? "" : l->workdir;
	auto_strbuf struct strbuf path;

	*out = (struct lookup_result){0};
	strbuf_init(&path, 2 * LIMIT_PATH);
	if (strchr(name, '/') != NULL) {
		if (*name != '/')
			strbuf_add_format(&path, "%s/", workdir);
		strbuf_add_string(&path, name);
		if (!path.overflow)
			try_path(l, strbuf_string(&path), out);
		return;
	}
	while (*name != '\0') {
		size_t len = strcspn(dirs, ":");

		strbuf_reset(&path);
		if (len == 0 || *dirs != '/')
			strbuf_add_format(&path, "%s/", workdir);
		strbuf_add(&path, dirs, len);
		strbuf_add_format(&path, "/%s", name);
		if (!path.overflow && try_path(l, strbuf_string(&path), out))
			return;
		if (dirs[len] == '\0')
			return;
		dirs += len + 1;
	}
}

void
lookup_clear(struct lookup_result *r)
{
	free(r->lost_path);
}
