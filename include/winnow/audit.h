/*
 * audit: what in a set of files helps an intruder (FIELD section 7).
 */
#ifndef WINNOW_AUDIT_H
#define WINNOW_AUDIT_H

#include "winnow/policy.h"
#include "winnow/tree.h"

enum audit_category {
	AUDIT_SHELL,
	AUDIT_PACKAGE_MANAGER,
	AUDIT_DOWNLOAD, /* download and remote-copy tools */
	AUDIT_INTERPRETER,
	AUDIT_COMPILER,
	AUDIT_DEBUGGER,
	AUDIT_PRIVILEGE, /* su, sudo, gosu, ... */
	AUDIT_SETUID, /* setuid and setgid files */
	AUDIT_CAPABILITY,
	AUDIT_WORLD_WRITABLE,
	AUDIT_CATEGORIES
};

/* "shell", "package-manager", ...: as `fail_on:` names them. */
const char *audit_category_name(enum audit_category category);
/* -1 for an unknown name. */
int audit_category_parse(const char *name);

struct audit_finding {
	enum audit_category category;
	const struct tree_node *node;
	char *detail; /* "symbolic link to usr/bin/dash", or NULL */
	const char *excused; /* the reason of the policy's exception, or NULL */
	bool fatal; /* the policy's fail_on names it, and nothing excuses */
};
struct audit {
	struct audit_finding *findings; /* in canonical order */
	size_t count;
	bool fatal; /* any finding is */
};

/*
 * Audits the nodes with kept[number] (all, when NULL).  `p` gives fail_on
 * and exceptions and may be NULL.
 */
void audit_run(const struct tree *t, const bool *kept, const struct policy *p,
    struct audit **out);
void audit_free(struct audit *a);

AUTO_DEFINE(audit, audit_free)
#define auto_audit __attribute__((cleanup(auto_audit_cleanup)))

/* Findings of a category that no exception excuses. */
size_t audit_count(const struct audit *a, enum audit_category category);

/* True when there is neither a shell nor a package manager, excused or not. */
bool audit_is_distroless(const struct audit *a);

#endif
