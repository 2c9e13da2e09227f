#include "winnow/pkgdb.h"

#include <stdlib.h>
#include <string.h>

#include "pkgdb_internal.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* What a package installs for readers only. */
static const char *const documentation_dirs[PKGDB_DOCUMENTATION_DIRS] = {
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/man",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/bug",
};

/* The files by which scanners know the distribution. */
static const char *const release_files[] = {
    "etc/os-release",
    "usr/lib/os-release",
    "etc/debian_version",
    "etc/lsb-release",
    "etc/alpine-release",
};

static const char *const rpm_dirs[] = {
    "var/lib/rpm",
    "usr/lib/sysimage/rpm",
    "usr/share/rpm",
};

static const char *const databases[] = {
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
};

/* A directory by its name in a list. */
struct pkgdb_dir {
	struct strbuf path; /* "", or with a slash at the end */
	const struct tree_node *node; /* or NULL */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void
pkgdb_lines_init(struct pkgdb_lines *l, const char *text, size_t len)
{
	l->next = text;
	l->end = text + len;
	l->number = 0;
}

bool
pkgdb_lines_next(struct pkgdb_lines *l, const char **line, size_t *len)
{
	const char *newline;

	if (l->next == l->end)
		return false;
	newline = memchr(l->next, '\n', (size_t)(l->end - l->next));
	*line = l->next;
	*len = (size_t)((newline == NULL ? l->end : newline) - l->next);
	l->next = newline == NULL ? l->end : newline + 1;
	l->number++;
	return true;
}

struct package *
pkgdb_add_package(struct pkgdb *db)
{
	struct package *p;

	db->packages = mem_grow(
	    db->packages, db->count, &db->capacity, sizeof(*db->packages));
	p = &db->packages[db->count++];
	*p = (struct package){0};
	return p;
}

/* The directory of that name, or NULL; lists go directory by directory. */
static const struct tree_node *
find_dir(const struct pkgdb *db, const char *path, size_t len)
{
	struct pkgdb_dir *last = db->last;

	if (len == last->path.len && len > 0 &&
	    memcmp(last->path.data, path, len) == 0)
		return last->node;
	strbuf_reset(&last->path);
	strbuf_add(&last->path, path, len);
	last->node = tree_resolve(
	    db->tree, NULL, strbuf_string(&last->path), 0, NULL, NULL);
	return last->node;
}

struct tree_node *
pkgdb_node(const struct pkgdb *db, const char *path, size_t len)
{
	const struct tree_node *dir;
	const char *slash;
	size_t dir_len;

	if (len == 0 || len > LIMIT_PATH || memchr(path, '\0', len) != NULL)
		return NULL;
	slash = memrchr(path, '/', len);
	dir_len = slash == NULL ? 0 : (size_t)(slash + 1 - path);
	dir = find_dir(db, path, dir_len);
	if (dir == NULL)
		return NULL;
	return tree_child(db->tree, dir, path + dir_len, len - dir_len);
}

void
pkgdb_add_file(
    const struct pkgdb *db, struct package *p, const char *path, size_t len)
{
	struct tree_node *n = pkgdb_node(db, path, len);

	if (n == NULL || tree_node_type(n) == ENTRY_DIRECTORY)
		return;
	p->files = mem_grow(
	    p->files, p->file_count, &p->file_capacity, sizeof(*p->files));
	p->files[p->file_count++] = n;
}

static const char *
find_unread(const struct tree *t)
{
	const struct tree_node *n;
	size_t i;

	for (i = 0; i < COUNT(databases); i++) {
		n = tree_resolve(t, NULL, databases[i], 0, NULL, NULL);
		if (n != NULL && tree_node_type(n) == ENTRY_FILE &&
		    n->entry->size > 0 && n->entry->content == NULL)
			return databases[i];
	}
	return NULL;
}

int
pkgdb_read(const struct tree *t, struct pkgdb **out, struct err *e)
{
	auto_pkgdb struct pkgdb *db = mem_zalloc(1, sizeof(*db));
	size_t i;

	db->tree = t;
	db->last = mem_zalloc(1, sizeof(*db->last));
	strbuf_init(&db->last->path, LIMIT_PATH);
	for (i = 0; i < COUNT(documentation_dirs); i++)
		db->documentation[i] =
		    tree_resolve(t, NULL, documentation_dirs[i], 0, NULL, NULL);
	for (i = 0; i < COUNT(rpm_dirs); i++) {
		const struct tree_node *dir =
		    tree_resolve(t, NULL, rpm_dirs[i], 0, NULL, NULL);

		if (dir != NULL && dir->first != NULL)
			db->rpm = true;
	}
	db->unread = find_unread(t);
	if (pkgdb_read_dpkg(db, e) == -1 || pkgdb_read_apk(db, e) == -1)
		return -1;
	*out = steal(&db);
	return 0;
}

void
pkgdb_free(struct pkgdb *db)
{
	size_t i;

	if (db == NULL)
		return;
	for (i = 0; i < db->count; i++) {
		struct package *p = &db->packages[i];

		free(p->name);
		free(p->architecture);
		free(p->version);
		free(p->database);
		free(p->md5sums);
		free(p->files);
	}
	free(db->packages);
	strbuf_clear(&db->last->path);
	free(db->last);
	free(db);
}

size_t
pkgdb_count(const struct pkgdb *db)
{
	return db->count;
}

const char *
pkgdb_name(const struct pkgdb *db, size_t package)
{
	return db->packages[package].name;
}

const char *
pkgdb_version(const struct pkgdb *db, size_t package)
{
	return db->packages[package].version;
}

bool
pkgdb_has_rpm(const struct pkgdb *db)
{
	return db->rpm;
}

const char *
pkgdb_unread(const struct pkgdb *db)
{
	return db->unread;
}

long
pkgdb_find(const struct pkgdb *db, const char *name)
{
	const char *colon = strchrnul(name, ':');
	size_t i, len = (size_t)(colon - name);

	for (i = 0; i < db->count; i++) {
		const struct package *p = &db->packages[i];

		if (strlen(p->name) != len || memcmp(p->name, name, len) != 0)
			continue;
		if (*colon == '\0' ||
		    (p->architecture != NULL &&
			strcmp(p->architecture, colon + 1) == 0))
			return (long)i;
	}
	return -1;
}

void
pkgdb_files(const struct pkgdb *db, size_t package,
    void (*visit)(void *arg, struct tree_node *n), void *arg)
{
	const struct package *p = &db->packages[package];
	size_t i;

	for (i = 0; i < p->file_count; i++)
		visit(arg, p->files[i]);
}

static bool
is_documentation(const struct pkgdb *db, const struct tree_node *n)
{
	size_t i;

	for (n = n->parent; n != NULL; n = n->parent)
		for (i = 0; i < COUNT(db->documentation); i++)
			if (n == db->documentation[i])
				return true;
	return false;
}

bool
pkgdb_survives(const struct pkgdb *db, size_t package, const bool *kept)
{
	const struct package *p = &db->packages[package];
	size_t i;

	for (i = 0; i < p->file_count; i++) {
		const struct tree_node *n = p->files[i];

		if (kept[n->number] && tree_node_type(n) == ENTRY_FILE &&
		    !is_documentation(db, n))
			return true;
	}
	return false;
}

static struct pkgdb_file *
add_output(struct pkgdb_output *o, struct tree_node *n)
{
	struct pkgdb_file *f;

	o->listed[n->number] = true;
	o->files =
	    mem_grow(o->files, o->count, &o->capacity, sizeof(*o->files));
	f = &o->files[o->count++];
	*f = (struct pkgdb_file){.node = n};
	return f;
}

/* Lists a link or file on the way to what is kept. */
static void
visit_output(void *arg, struct tree_node *n)
{
	struct pkgdb_output *o = arg;

	if (tree_node_type(n) != ENTRY_DIRECTORY && !o->listed[n->number])
		add_output(o, n);
}

void
pkgdb_output_path(struct pkgdb_output *o, const char *path)
{
	const struct tree_node *n =
	    tree_resolve(o->db->tree, NULL, path, 0, NULL, NULL);

	if (n != NULL && tree_node_type(n) == ENTRY_FILE)
		tree_resolve(o->db->tree, NULL, path, 0, visit_output, o);
}

void
pkgdb_output_content(
    struct pkgdb_output *o, const char *path, struct strbuf *content)
{
	struct tree_node *n =
	    tree_resolve(o->db->tree, NULL, path, 0, NULL, NULL);
	struct pkgdb_file *f;

	if (n == NULL || o->listed[n->number])
		return;
	f = add_output(o, n);
	f->content_len = content->len;
	f->content = strbuf_steal(content);
	/* The links on the way; the file itself is listed already. */
	pkgdb_output_path(o, path);
}

void
pkgdb_filter(const struct pkgdb *db, const bool *kept,
    struct pkgdb_file **files, size_t *count)
{
	uint32_t nodes = tree_count(db->tree);
	auto_free bool *with_release = mem_zalloc(nodes, sizeof(bool));
	auto_free bool *listed = mem_zalloc(nodes, sizeof(bool));
	struct pkgdb_output o = {
	    .db = db, .kept = with_release, .listed = listed};
	size_t i;

	memcpy(with_release, kept, nodes * sizeof(bool));
	for (i = 0; i < COUNT(release_files); i++)
		pkgdb_output_path(&o, release_files[i]);
	for (i = 0; i < o.count; i++)
		with_release[o.files[i].node->number] = true;
	pkgdb_filter_dpkg(db, &o);
	pkgdb_filter_apk(db, &o);
	*files = o.files;
	*count = o.count;
}
