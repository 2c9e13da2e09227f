/* audit: what its files share. */
#ifndef WINNOW_AUDIT_PRIVATE_H
#define WINNOW_AUDIT_PRIVATE_H

#include "lookup.h"
#include "winnow/audit.h"

struct audit_program;

/* passwd(5), shadow(5) and its backup. */
#define AUDIT_ACCOUNT_FILES 3

struct audit_scan {
	const struct tree *tree;
	const bool *kept; /* NULL: all */
	const struct policy *policy; /* or NULL */
	struct lookup lookup; /* with the usual PATH */
	struct audit_program *programs; /* sorted by entry */
	size_t program_count;
	size_t program_capacity;
	/* Where the paths of the files of accounts lead; NULL: nowhere. */
	const struct tree_node *accounts[AUDIT_ACCOUNT_FILES];
	struct audit *audit;
	size_t capacity;
};

bool audit_keeps(const struct audit_scan *s, const struct tree_node *n);

/* Adds a finding about a node; takes `detail`, which may be NULL. */
void audit_add(struct audit_scan *s, enum audit_category category,
    const struct tree_node *n, char *detail);
/* Adds one about a member of the config ("User"), of static storage. */
void audit_add_config(struct audit_scan *s, enum audit_category category,
    const char *member, char *detail);

/* A text around the path of a node; the caller frees. */
char *audit_path_text(
    const char *before, const struct tree_node *n, const char *after);

/* Collects the programs and what their names and contents say of them. */
void audit_programs_init(struct audit_scan *s);
void audit_programs_clear(struct audit_scan *s);
/* The findings that the program behind the name `n` gives, if any. */
void audit_program(struct audit_scan *s, const struct tree_node *n);

/* The findings that the node's own metadata, name and content give. */
void audit_file(struct audit_scan *s, const struct tree_node *n);

/* Finds the files of accounts. */
void audit_accounts_init(struct audit_scan *s);
/*
 * For passwd(5) and shadow(5), which accounts have a login shell that is
 * there and a password; else nothing.
 */
void audit_accounts(struct audit_scan *s, const struct tree_node *n);
/*
 * True when runtimes start the config's user `name` (`len` bytes, a name or a
 * number) as root.
 */
bool
audit_user_is_root(const struct audit_scan *s, const char *name, size_t len);

/* The findings of an image's config, which may be NULL. */
void audit_config(struct audit_scan *s, const json_t *config);

#endif
