/*
 * tar_scan: where the members of a tar archive lie in a file, without
 * reading their contents.  For archives of archives (docker save); layers are
 * read by layer_index.
 *
 * Strict: what two readers could take differently is refused.
 */
#ifndef WINNOW_TAR_SCAN_H
#define WINNOW_TAR_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/err.h"

enum tar_kind { TAR_FILE, TAR_SYMLINK, TAR_HARDLINK, TAR_OTHER };

struct tar_member {
	enum tar_kind kind;
	char *name; /* normalized (path.h) */
	char *link; /* as it stands, of links; else NULL */
	uint64_t offset; /* of the contents in the file */
	uint64_t size;
};

struct tar_scan {
	struct tar_member *members; /* in the order of the archive */
	size_t count;
	size_t capacity;
};

/*
 * Reads the headers of the regular file `fd`: ustar, GNU long names, pax
 * paths, link paths and sizes.  ERR_INVALID with the place for anything that
 * is no header, and for an archive that ends inside a member; ERR_LIMIT.
 */
int tar_scan_new(int fd, struct tar_scan **out, struct err *e);
void tar_scan_free(struct tar_scan *scan);

AUTO_DEFINE(tar_scan, tar_scan_free)
#define auto_tar_scan __attribute__((cleanup(auto_tar_scan_cleanup)))

/*
 * The regular file of that name, links followed inside the archive.
 * ERR_NOT_FOUND; ERR_INVALID for a name that is there twice, for links that
 * lead around and for what is no file.
 */
int tar_scan_find(const struct tar_scan *scan, const char *name,
    const struct tar_member **out, struct err *e);

#endif
