/*
 * audit: what in an image helps an intruder (FIELD section 7).
 */
#ifndef WINNOW_AUDIT_H
#define WINNOW_AUDIT_H

#include <jansson.h>

#include "winnow/policy.h"
#include "winnow/strbuf.h"
#include "winnow/tree.h"

enum audit_category {
	AUDIT_SHELL,
	AUDIT_PACKAGE_MANAGER,
	AUDIT_MULTICALL, /* many tools in one file */
	AUDIT_PACKED, /* executables whose contents cannot be judged */
	AUDIT_DOWNLOAD, /* download and remote-copy tools */
	AUDIT_INTERPRETER,
	AUDIT_COMPILER,
	AUDIT_DEBUGGER,
	AUDIT_PRIVILEGE, /* su, sudo, gosu, ..., and sudo's rules */
	AUDIT_SETUID, /* setuid and setgid files */
	AUDIT_CAPABILITY,
	AUDIT_WORLD_WRITABLE,
	AUDIT_CREDENTIAL, /* private keys, password hashes, who may log in */
	AUDIT_LOGIN_SHELL, /* accounts whose shell is there */
	AUDIT_ROOT_USER, /* config: runs as root */
	AUDIT_SHELL_FORM, /* config: a command that needs a shell */
	AUDIT_LOADER, /* ld.so, which runs what may not be executed */
	AUDIT_LIVE_SCRIPT, /* its interpreter is there */
	AUDIT_DEAD_SCRIPT, /* its interpreter is not */
	AUDIT_CATEGORIES
};

/* "shell", "package-manager", ...: as `fail_on:` names them. */
const char *audit_category_name(enum audit_category category);
/* -1 for an unknown name. */
int audit_category_parse(const char *name);

struct audit_finding {
	enum audit_category category;
	const struct tree_node *node; /* NULL for a finding in the config */
	const char *member; /* "User", for those; else NULL */
	char *detail; /* "symbolic link to usr/bin/dash", or NULL */
	const char *excused; /* the reason of the policy's exception, or NULL */
	bool fatal; /* the policy's fail_on names it, and nothing excuses */
};
struct audit {
	struct audit_finding *findings; /* in canonical order, those in the
					   config last */
	size_t count;
	bool fatal; /* any finding is */
};

/*
 * Audits the nodes with kept[number] (all, when NULL) and the image's config
 * (NULL: none).  `p` gives fail_on and exceptions and may be NULL.
 */
void audit_run(const struct tree *t, const bool *kept, const struct policy *p,
    const json_t *config, struct audit **out);
void audit_free(struct audit *a);

AUTO_DEFINE(audit, audit_free)
#define auto_audit __attribute__((cleanup(auto_audit_cleanup)))

/*
 * True when the policy does not accept such a finding at the node (NULL: in the
 * config): fail_on has the category and no exception the node.
 */
bool audit_forbids(const struct tree *t, const struct policy *p,
    enum audit_category category, const struct tree_node *n);

/* Findings of a category that no exception excuses. */
size_t audit_count(const struct audit *a, enum audit_category category);

/* True when there is neither a shell nor a package manager, excused or not. */
bool audit_is_distroless(const struct audit *a);

/*
 * Writes over `out` "yes", or "no: " and why: "2 shells (usr/bin/x: GNU bash by
 * content; ...)", or "yes, but for 1 packed executable (...)".  Bytes outside
 * printable ASCII as \xNN.
 */
void audit_verdict(const struct audit *a, struct strbuf *out);

/* Appends where a finding is: "/usr/bin/x", or "config.User". */
void audit_where(const struct audit_finding *f, struct strbuf *out);

/* What a report says: `distroless`, `verdict`, `findings`; a new reference. */
json_t *audit_json(const struct audit *a);

#endif
