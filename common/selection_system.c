#include <stdlib.h>
#include <string.h>

#include "selection_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* Gives the kept node the filtered contents; takes them. */
static void
replace_content(struct selector *sel, struct pkgdb_file *file)
{
	struct selection_node *node = &sel->s->nodes[file->node->number];

	free(node->content);
	node->content = file->content;
	node->content_len = file->content_len;
}

static void
warn_of_databases(struct selector *sel)
{
	const struct pkgdb *packages = sel->s->packages;

	if (pkgdb_has_rpm(packages))
		selector_warn(sel,
		    "the image has an rpm database, which winnow cannot cut "
		    "down to what is left: scanners find no packages in the "
		    "variant, or with \"keep: [/var/lib/rpm/**, "
		    "/usr/lib/sysimage/rpm/**]\" all of the source");
	if (pkgdb_unread(packages) != NULL)
		selector_warn(sel,
		    "/%s leads to a file of another name, which winnow does "
		    "not read: scanners find no packages in the variant, or "
		    "all of the source where rules keep that file",
		    pkgdb_unread(packages));
}

void
selector_keep_databases(struct selector *sel)
{
	auto_free bool *kept = selection_kept(sel->s);
	struct pkgdb_file *files = NULL;
	size_t count = 0, i;

	warn_of_databases(sel);
	pkgdb_filter(sel->s->packages, kept, &files, &count);
	for (i = 0; i < count; i++) {
		selector_keep(sel, files[i].node, SELECTION_DATABASE, 0, NULL);
		if (files[i].content != NULL)
			replace_content(sel, &files[i]);
	}
	free(files);
}

/* Makes `rest`, which is not there, below the directory `at`. */
static void
make_dirs(struct selector *sel, struct tree_node *at, const char *rest)
{
	struct selection *s = sel->s;
	auto_strbuf struct strbuf path;
	const char *name;
	size_t len;

	selector_keep(sel, at, SELECTION_CONFIG, 0, NULL);
	strbuf_init(&path, LIMIT_PATH);
	tree_node_path(at, &path);
	while ((name = path_next(&rest, &len)) != NULL) {
		if (path.len > 0)
			strbuf_add_char(&path, '/');
		strbuf_add(&path, name, len);
		if (path.overflow) {
			selector_warn(sel,
			    "a directory of the image's config is not made: "
			    "its path is longer than %d bytes",
			    LIMIT_PATH);
			return;
		}
		if (intern_add(&sel->made, strbuf_string(&path), path.len) <
		    s->made_dir_count)
			continue;
		s->made_dirs = mem_grow(s->made_dirs, s->made_dir_count,
		    &sel->made_capacity, sizeof(char *));
		s->made_dirs[s->made_dir_count++] =
		    mem_strdup(strbuf_string(&path));
	}
}

static void
keep_node(void *arg, struct tree_node *n)
{
	selector_keep(arg, n, SELECTION_CONFIG, 0, NULL);
}

/*
 * Keeps one directory, links on the way followed; what is not there is made
 * below the last directory that is.
 */
static void
keep_dir(struct selector *sel, const char *path)
{
	struct tree_node *at = tree_root(sel->tree), *n;
	auto_strbuf struct strbuf prefix;
	const char *rest = path, *before = path, *name;
	size_t len, there = 0;

	strbuf_init(&prefix, LIMIT_PATH + 1);
	while ((name = path_next(&rest, &len)) != NULL &&
	    tree_child(sel->tree, at, name, len) != NULL) {
		strbuf_add_char(&prefix, '/');
		strbuf_add(&prefix, name, len);
		n = tree_resolve(
		    sel->tree, NULL, strbuf_string(&prefix), 0, NULL, NULL);
		if (n == NULL || tree_node_type(n) != ENTRY_DIRECTORY) {
			selector_warn(sel,
			    "the directory /%s of the image's config is not "
			    "kept: %s is none",
			    path, strbuf_string(&prefix));
			return;
		}
		at = n;
		before = rest;
		there = prefix.len;
	}
	strbuf_truncate(&prefix, there);
	tree_resolve(
	    sel->tree, NULL, strbuf_string(&prefix), 0, keep_node, sel);
	make_dirs(sel, at, before);
}

void
selector_keep_dirs(struct selector *sel, const struct selection_config *dirs)
{
	size_t i;

	for (i = 0; i < dirs->count; i++) {
		auto_strbuf struct strbuf path;
		struct err e;

		strbuf_init(&path, LIMIT_PATH);
		if (path_normalize(
			dirs->paths[i], strlen(dirs->paths[i]), &path, &e) != 0)
			selector_warn(sel,
			    "a directory of the image's config is not kept: %s",
			    e.message);
		else
			keep_dir(sel, strbuf_string(&path));
	}
}
