/*
 * config_upstream: the part of the configuration that says where images come
 * from.
 */
#ifndef WINNOW_DAEMON_CONFIG_UPSTREAM_H
#define WINNOW_DAEMON_CONFIG_UPSTREAM_H

#include <stddef.h>

#include "config.h"
#include "winnow/yaml.h"

/* The members of an upstream that are one text. */
enum config_member_type {
	CONFIG_MEMBER_TEXT,
	CONFIG_MEMBER_PATH, /* relative ones start at the file's directory */
	CONFIG_MEMBER_URL, /* of a registry or an OCI layout */
	CONFIG_MEMBER_PROXY
};
struct config_member {
	const char *name;
	enum config_member_type type;
	size_t offset; /* in struct config_upstream: char *, or NULL */
	const char *synonyms; /* as of struct yaml_key */
};
extern const struct config_member config_members[];
extern const size_t config_member_count;

/*
 * Reads `map` (or NULL: there is none) into c->upstreams; `path` is the
 * file's.  Complains of mistakes.
 */
void config_read_upstreams(const struct yaml_doc *doc,
    const struct yaml_node *map, const char *path, struct config *c);

/* Adds Docker Hub where the file says nothing of it. */
void config_default_upstream(struct config *c);

void config_upstreams_clear(struct config *c);

/*
 * `name`, seen from the directory of the configuration file at `path`; the
 * caller frees it.
 */
char *config_resolve_path(const char *path, const char *name);

#endif
