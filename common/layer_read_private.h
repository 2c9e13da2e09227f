/* layer_read, in three files: the archive, headers, contents of files. */
#ifndef WINNOW_LAYER_READ_PRIVATE_H
#define WINNOW_LAYER_READ_PRIVATE_H

#include <archive.h>

#include "winnow/layer_index.h"

#define TAR_BLOCK 512

struct layer_reader {
	struct archive *archive;
	struct inflate *inflate;
	const struct spool_filter *filter; /* NULL: nothing is wanted */
	struct spool *spool; /* also where ELF files are put to be looked at */
	struct layer_index *index;
	struct marks *marks;
	char *head; /* LIMIT_SCRIPT_SIZE: how the current file begins */
	struct strbuf path; /* of the current entry, normalized */
	struct strbuf warnings;
	uint64_t indexed_total; /* bytes of contents held in the index */
	uint64_t size_total; /* of all files, holes included */
	uint32_t ordinals; /* entries seen */
	uint64_t input_len; /* bytes of the archive so far */
	const unsigned char *chunk; /* the last of them; inflate's */
	size_t chunk_len;
	unsigned char before[TAR_BLOCK]; /* those in front of the chunk */
	bool padded; /* zeros were added to its last block */
	uint64_t last_end; /* where the last entry's content ends in it */
	bool input_failed;
	struct err input_error; /* why inflating failed */
};

/* Fills *e with what the archive, or the input behind it, failed of. */
int layer_reader_fail(const struct layer_reader *r, struct err *e);

/* Adds a line to the warnings of the index. */
void
layer_reader_warn(struct layer_reader *r, const char *path, const char *text);

/*
 * Fills `entry`, whose path is set, with what its header says: type, link,
 * owner, mode, time, xattrs.
 */
int layer_read_header(struct layer_reader *r, struct layer_entry *entry,
    struct archive_entry *ae, struct err *e);

/*
 * Reads the content of the file `entry`, as far as it is needed: sets elf,
 * marks, script, calls and content, and spools it when the filter wants it.
 */
int layer_read_content(
    struct layer_reader *r, struct layer_entry *entry, struct err *e);

#endif
