/*
 * pkgdb: dpkg and apk databases: which package owns which file, and the
 * databases rewritten to the packages that survive (FIELD section 7.4).
 */
#ifndef WINNOW_PKGDB_H
#define WINNOW_PKGDB_H

#include "winnow/tree.h"

struct pkgdb;

/*
 * Reads var/lib/dpkg/status, var/lib/dpkg/info/PACKAGE.list and md5sums,
 * var/lib/dpkg/status.d, lib/apk/db/installed and usr/lib/apk/db/installed of
 * the tree, those that are there; without any, *out has no packages.  The
 * tree must outlive it.  ERR_INVALID names file and line.
 */
int pkgdb_read(const struct tree *t, struct pkgdb **out, struct err *e);
void pkgdb_free(struct pkgdb *db);

AUTO_DEFINE(pkgdb, pkgdb_free)
#define auto_pkgdb __attribute__((cleanup(auto_pkgdb_cleanup)))

size_t pkgdb_count(const struct pkgdb *db);
/* The name and version of a package, borrowed. */
const char *pkgdb_name(const struct pkgdb *db, size_t package);
const char *pkgdb_version(const struct pkgdb *db, size_t package);

/* Finds a package by name ("libc6" or "libc6:amd64"); -1 when unknown. */
long pkgdb_find(const struct pkgdb *db, const char *name);

/* Calls `visit` with each node that the package owns (not directories). */
void pkgdb_files(const struct pkgdb *db, size_t package,
    void (*visit)(void *arg, struct tree_node *n), void *arg);

/*
 * Given which nodes are kept (kept[number], tree_count() long): whether the
 * package survives: one regular file of it outside documentation is kept.
 */
bool pkgdb_survives(const struct pkgdb *db, size_t package, const bool *kept);

/* A database file to keep with other contents. */
struct pkgdb_file {
	struct tree_node *node;
	char *content; /* NULL: as it stands (copyright files, links) */
	size_t content_len;
};

/* True when the tree holds an rpm database, which cannot be filtered. */
bool pkgdb_has_rpm(const struct pkgdb *db);
/*
 * The path of a database that is not read, since a link leads from there to a
 * file whose contents no index has; or NULL.
 */
const char *pkgdb_unread(const struct pkgdb *db);

/*
 * The files to keep for scanners: the filtered databases, lists and md5sums,
 * the copyright files of surviving packages, and, also without a database,
 * the files that identify the system (os-release, debian_version, ...).
 * Links on the way to them are listed too.  The caller frees each content
 * and *files.
 */
void pkgdb_filter(const struct pkgdb *db, const bool *kept,
    struct pkgdb_file **files, size_t *count);

#endif
