/*
 * loader: which dynamic loader runs a program of an image, and what that
 * loader takes for granted: the kind of object it opens, its directories,
 * the values of $LIB and $PLATFORM.  Static: nothing of an image is run.
 */
#ifndef WINNOW_LOADER_H
#define WINNOW_LOADER_H

#include "winnow/tree.h"

enum loader_kind { LOADER_GLIBC, LOADER_MUSL };

struct loader {
	enum loader_kind kind;
	uint8_t bits;
	bool big_endian;
	uint16_t machine;
	uint32_t float_abi; /* of ARM objects, else 0 */
	bool named; /* by the program's PT_INTERP */
	bool asks_for_musl; /* the library's own NEEDED says so */
	/* The interpreter: as the program names it or, for a library, the
	 * machine's usual one; NULL when there is none to name. */
	char *interpreter;
	struct tree_node *node; /* what it resolves to, or NULL */
	char *config; /* path of ld.so.cache or of musl's path file */
	char *lib; /* $LIB: "lib64", "lib/x86_64-linux-gnu" */
	const char *platform; /* $PLATFORM, "" when unknown */
	const char *const *hwcaps; /* glibc-hwcaps, best first, then NULL */
	/* Absolute directories: configured ones, then built-in ones. */
	char **dirs;
	size_t dir_count;
	size_t configured; /* how many are from ld.so.conf */
};

/*
 * The loader for an executable, or for a library that is opened at run time
 * by a program unknown (no interpreter).
 */
struct loader *loader_new(const struct tree *t, const struct elf_facts *facts);
void loader_free(struct loader *l);

/* True when loader_new() would say the same for these facts. */
bool loader_fits(const struct loader *l, const struct elf_facts *facts);

/* True when the loader opens this file as a library; it skips others. */
bool loader_accepts(const struct loader *l, const struct tree_node *n);

/* True for names that musl's loader takes for itself ("libc.so"). */
bool loader_is_own_name(const struct loader *l, const char *name);

/*
 * Appends `text` with $ORIGIN, $LIB and $PLATFORM replaced.  False when the
 * loader would not use the result, or for $ORIGIN when `origin` is NULL.
 */
bool loader_expand(const struct loader *l, const char *text, size_t len,
    const char *origin, struct strbuf *out);

#endif
