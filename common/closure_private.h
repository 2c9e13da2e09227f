/*
 * closure, in four files: what is loaded in a run and by which names
 * (closure_objects.c), where libraries are looked for (closure_search.c), what
 * a program preloads (closure_preload.c), and the run itself (closure.c).
 */
#ifndef WINNOW_CLOSURE_PRIVATE_H
#define WINNOW_CLOSURE_PRIVATE_H

#include "intern.h"
#include "library_search.h"
#include "winnow/closure.h"

#define CLOSURE_NO_NAME UINT32_MAX
#define CLOSURE_NOT_LOADED UINT32_MAX
/* Directories of LD_LIBRARY_PATH and names of LD_PRELOAD: every program meets
 * them; real images have under ten.  What comes after is ignored. */
#define CLOSURE_MAX_ENV 200

/* One ELF file of the tree, prepared once. */
struct closure_object {
	struct tree_node *node;
	const struct elf_facts *facts;
	uint32_t soname; /* string number, or CLOSURE_NO_NAME */
	uint32_t *needed; /* string numbers */
	/* RPATH or RUNPATH as directories, for the loader and the path that
	 * they were expanded for. */
	const struct closure_loader *rpath_loader;
	const char *rpath_path;
	uint32_t *rpath;
	size_t rpath_count;
	/* In the run of this number it is loaded[index]. */
	uint32_t run;
	uint32_t index;
};

/* A loader with what was looked up for it. */
struct closure_loader {
	struct loader *loader;
	struct library_search search;
};

/* An object in the order of loading. */
struct closure_loaded {
	struct closure_object *object;
	const char *path; /* as opened; borrowed */
	uint32_t parent; /* who loaded it, or CLOSURE_NOT_LOADED */
	uint32_t reported_by; /* the last that was reported to need it */
};

/* Which object a name leads to in the run of this number. */
struct closure_binding {
	uint32_t run;
	uint32_t index;
};

struct closure {
	const struct tree *tree;
	struct closure_env env;
	struct intern strings;
	struct closure_object **objects; /* by node number; NULL until needed */
	struct closure_loader **loaders;
	size_t loader_count;
	/* The current run. */
	uint32_t run;
	const struct closure_callbacks *callbacks;
	struct closure_loader *loader;
	struct closure_loaded *loaded;
	size_t loaded_count;
	size_t loaded_capacity;
	struct closure_binding *bindings; /* by string number */
	size_t binding_capacity;
	struct library_hits hits;
	uint32_t env_dirs[CLOSURE_MAX_ENV]; /* of LD_LIBRARY_PATH */
	size_t env_dir_count;
	/* What names that which is being loaded before all else, or NULL. */
	const char *preloading;
};

/* closure_objects.c */

/* The number of a string. */
uint32_t closure_add_string(struct closure *c, const char *s);

/* The loader that runs the file, or would open it. */
struct closure_loader *
closure_get_loader(struct closure *c, const struct elf_facts *facts);

/* Appends the file to what is loaded, unless it is; returns its index. */
uint32_t closure_load(
    struct closure *c, struct tree_node *n, const char *path, uint32_t parent);

/* Later needs of this name mean that object; the first binding stays. */
void closure_bind(struct closure *c, uint32_t name, uint32_t index);

/* Which loaded object the name means, or CLOSURE_NOT_LOADED. */
uint32_t closure_bound(const struct closure *c, uint32_t name);

bool closure_is_musl(const struct closure *c);

/* closure_search.c */

/* The directories of LD_LIBRARY_PATH for the current run. */
void closure_prepare_env(struct closure *c);

/* Looks for what `by` asks for by `name`: the answer is in c->hits. */
void closure_search(struct closure *c, uint32_t by, uint32_t name);

/* True for a program that the kernel starts with AT_SECURE. */
bool closure_is_secure(const struct closure_object *o);

/* closure_preload.c */

/* Loads what is to be so before anything that the program needs. */
void closure_load_preloads(struct closure *c);

/* Reports what the program preloads, or, NULL, does not find. */
void closure_report_preload(
    struct closure *c, struct tree_node *n, const char *path, const char *name);

/* closure.c */

/* Loads what `by` asks for by `name`, and reports it; false: not found. */
bool closure_need(struct closure *c, uint32_t by, uint32_t name);

#endif
