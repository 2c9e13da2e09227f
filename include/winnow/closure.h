/*
 * closure: which files a kept ELF file needs, as the image's own loader would
 * find them: glibc (ld.so(8)) or musl, by the interpreter's name.
 */
#ifndef WINNOW_CLOSURE_H
#define WINNOW_CLOSURE_H

#include "winnow/tree.h"

struct closure;

/*
 * What a loader takes from outside of the files: its variables in the
 * environment of a container, as they stand there, which programs that are
 * setuid or setgid ignore; and the contents of /etc/ld.so.preload, which glibc
 * alone reads, for every program.  Borrowed; NULL when not there.
 */
struct closure_env {
	const char *library_path; /* LD_LIBRARY_PATH */
	const char *preload; /* LD_PRELOAD */
	const char *preload_file;
};
#define CLOSURE_PRELOAD_FILE "/etc/ld.so.preload"

/*
 * Prepares for one finished tree: reads ld.so.conf with its includes and
 * musl's path file from it.  Borrows the tree and the strings of `env`, which
 * is NULL for an empty environment.
 */
struct closure *
closure_new(const struct tree *t, const struct closure_env *env);
void closure_free(struct closure *c);

AUTO_DEFINE(closure, closure_free)
#define auto_closure __attribute__((cleanup(auto_closure_cleanup)))

/* A library that a program loads before all that it needs. */
struct closure_preload {
	const struct tree_node *by; /* the program */
	/* As for `need`; both are NULL when the program does not find it, which
	 * its loader only warns of. */
	struct tree_node *needed;
	const char *path;
	const char *name; /* lasts, at one address, as long as the closure */
	const char *origin; /* "LD_PRELOAD" or CLOSURE_PRELOAD_FILE; static */
};

struct closure_callbacks {
	/* `needed` (the node that the loader opens, links resolved) is needed
	 * by `by`; `path` is the absolute path it was opened by, not
	 * normalized, whose links and parents are needed too; `name` is the
	 * soname or interpreter.  So is the loader's configuration
	 * (ld.so.cache, musl's path file) where the library is only found by
	 * it.  A path lasts, at one address, as long as the closure. */
	void (*need)(void *arg, const struct tree_node *by,
	    struct tree_node *needed, const char *path, const char *name);
	/* `name`, a string of the ELF facts of `by`, is not found.  `required`
	 * is false for .note.dlopen entries below "required". */
	void (*missing)(void *arg, const struct tree_node *by, const char *name,
	    bool required);
	/* As `need`, for what LD_PRELOAD or /etc/ld.so.preload names.  Never
	 * called without either. */
	void (*preload)(void *arg, const struct closure_preload *p);
	void *arg;
};

/*
 * Reports what `executable` (or a library that is opened by dlopen) and
 * everything that it needs, recursively, load.  The order of loading counts:
 * RPATHs are inherited, RUNPATHs are not.  A node without ELF facts reports
 * nothing.  A pair is reported again only for another path.
 */
void closure_run(struct closure *c, struct tree_node *executable,
    const struct closure_callbacks *callbacks);

#endif
