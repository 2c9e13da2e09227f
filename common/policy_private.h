/*
 * policy_private: what the files of policy share.
 */
#ifndef WINNOW_POLICY_PRIVATE_H
#define WINNOW_POLICY_PRIVATE_H

#include "winnow/policy.h"
#include "winnow/yaml.h"

/*
 * Compiles the policy's repository and tags into their globs.  On failure
 * *column is the byte of `repository`, or of the tag that e names.
 */
int policy_compile_repository(struct policy *p, size_t *column, struct err *e);
int
policy_compile_tag(struct policy *p, size_t tag, size_t *column, struct err *e);

bool policy_is_category(const char *name);
bool policy_is_family(const char *name);
/* "linux/amd64", "linux/arm/v7". */
bool policy_is_platform(const char *name);

/* Rules: an array that grows. */
void policy_rules_clear(struct policy_rule *rules, size_t count);
void policy_rules_copy(const struct policy_rule *from, size_t from_count,
    struct policy_rule **to, size_t *count);

/* Where rules are read from. */
struct policy_rule_source {
	const struct yaml_doc *doc;
	const char *origin; /* "postgres.yaml" */
	bool from_set;
};
/* Appends the rules of a list; reports those that are none. */
void policy_rules_read(const struct policy_rule_source *from,
    const struct yaml_node *list, struct policy_rule **rules, size_t *count);

/* The sets of a folder, each loaded once. */
struct policy_named_set {
	char *name;
	struct yaml_doc *doc; /* NULL when it could not be read */
	struct policy *rules; /* its keep and drop */
};
struct policy_sets {
	const char *dir; /* borrowed */
	struct yaml_mistakes *mistakes; /* borrowed */
	struct policy_named_set *items;
	size_t count;
	size_t capacity;
	size_t checked; /* items whose own includes are loaded */
};
void policy_sets_clear(struct policy_sets *s);
/* Loads every set of the folder, to report what is wrong with unused ones. */
void policy_sets_load_all(struct policy_sets *s);
/*
 * Adds the rules of the sets that the list names, and of those they include,
 * each once, behind those of the policy.
 */
void policy_sets_include(struct policy_sets *s, const struct yaml_doc *doc,
    const struct yaml_node *list, struct policy *p);

/* Names of a folder that end in ".yaml", sorted; others that look like it
 * are reported.  The caller frees them. */
char **policy_list_files(
    const char *dir, size_t *count, struct yaml_mistakes *mistakes);

/* The checked object under `config:`, or NULL. */
json_t *
policy_config_read(const struct yaml_doc *doc, const struct yaml_node *map);
/* Checks a config that came as JSON. */
int policy_config_check(const json_t *config, struct err *e);

#endif
