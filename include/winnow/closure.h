/*
 * closure: which files a kept ELF file needs, as the image's own loader would
 * find them: glibc (ld.so(8)) or musl, by the interpreter's name.
 */
#ifndef WINNOW_CLOSURE_H
#define WINNOW_CLOSURE_H

#include "winnow/tree.h"

struct closure;

/*
 * The loader's variables in the environment of a container, as they stand
 * there; borrowed, NULL when not set.  Programs that are setuid or setgid
 * ignore them.
 */
struct closure_env {
	const char *library_path; /* LD_LIBRARY_PATH */
	const char *preload; /* LD_PRELOAD */
};

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
	/* As `need`, for what LD_PRELOAD names and the program `by` therefore
	 * loads; `needed` and `path` are NULL when `by` does not find it, which
	 * its loader only warns of.  `name` lasts as long as the closure, at
	 * one address.  Never called without LD_PRELOAD. */
	void (*preload)(void *arg, const struct tree_node *by,
	    struct tree_node *needed, const char *path, const char *name);
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
