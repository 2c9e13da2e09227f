/*
 * pkgdb_internal: what pkgdb.c shares with the readers of the two formats.
 */
#ifndef WINNOW_PKGDB_INTERNAL_H
#define WINNOW_PKGDB_INTERNAL_H

#include "winnow/pkgdb.h"
#include "winnow/strbuf.h"

/* Directories whose files do not make a package survive. */
#define PKGDB_DOCUMENTATION_DIRS 7

enum pkgdb_form { PKGDB_STATUS, PKGDB_STATUS_D, PKGDB_APK };

struct package {
	enum pkgdb_form form;
	char *name;
	char *architecture; /* or NULL */
	char *version;
	char *database; /* path of the file that holds the record */
	const char *record; /* borrowed from the tree's contents */
	size_t record_len;
	char *md5sums; /* path, or NULL */
	struct tree_node **files; /* no directories */
	size_t file_count;
	size_t file_capacity;
};

struct pkgdb {
	const struct tree *tree; /* borrowed */
	struct package *packages;
	size_t count;
	size_t capacity;
	struct tree_node *documentation[PKGDB_DOCUMENTATION_DIRS]; /* or NULL */
	bool rpm;
	const char *unread; /* pkgdb_unread() */
	struct pkgdb_dir *last; /* a cache of pkgdb_node() */
};

/* What pkgdb_filter() collects. */
struct pkgdb_output {
	const struct pkgdb *db;
	bool *kept; /* with the files that identify the system */
	bool *listed; /* by node number: in `files` already */
	struct pkgdb_file *files;
	size_t count;
	size_t capacity;
};

/* A text read line by line. */
struct pkgdb_lines {
	const char *next;
	const char *end;
	unsigned number; /* of the line last read, from 1 */
};

void pkgdb_lines_init(struct pkgdb_lines *l, const char *text, size_t len);
/* The next line without its newline; false at the end. */
bool pkgdb_lines_next(struct pkgdb_lines *l, const char **line, size_t *len);

/* A new zeroed package; valid until the next call. */
struct package *pkgdb_add_package(struct pkgdb *db);
/* The node at a path of a package's list, links on the way followed, or NULL.
 */
struct tree_node *
pkgdb_node(const struct pkgdb *db, const char *path, size_t len);
/* Makes the file at the path the package's; directories are left out. */
void pkgdb_add_file(
    const struct pkgdb *db, struct package *p, const char *path, size_t len);

/* Lists the file at `path` and the links that lead to it, as they stand. */
void pkgdb_output_path(struct pkgdb_output *o, const char *path);
/* Lists the file at `path` with other content, which it takes. */
void pkgdb_output_content(
    struct pkgdb_output *o, const char *path, struct strbuf *content);

int pkgdb_read_dpkg(struct pkgdb *db, struct err *e);
int pkgdb_read_apk(struct pkgdb *db, struct err *e);
void pkgdb_filter_dpkg(const struct pkgdb *db, struct pkgdb_output *o);
void pkgdb_filter_apk(const struct pkgdb *db, struct pkgdb_output *o);

#endif
