/*
 * config: the daemon's configuration file (winnow.conf(5)), read by core.
 *
 * One table row per key: name, type, default, whether a reload changes it,
 * and its line of documentation.  The same table prints the effective
 * configuration.  Every mistake is reported with file, line and column.
 */
#ifndef WINNOW_DAEMON_CONFIG_H
#define WINNOW_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "winnow/auto.h"
#include "winnow/err.h"
#include "winnow/policy.h"

struct yaml_mistakes;

enum config_default { CONFIG_PASS, CONFIG_DENY };

struct config_upstream {
	char *host; /* as names have it: "docker.io" */
	char *url; /* "https://registry-1.docker.io", "oci:/srv/images" */
	/* The others may be NULL. */
	char *proxy; /* a URL, or "none"; NULL: as the environment says */
	char *ca_file;
	char *username;
	char *password_file; /* read when needed, as are the next two */
	char *docker_config; /* where docker login keeps passwords */
	char *credential_helper; /* a program, by path or name */
	char **fallbacks; /* URLs to ask when the one before fails */
	size_t fallback_count;
};

struct config_certificate {
	char *chain; /* files */
	char *key;
};

struct config_tls {
	struct config_certificate *certificates;
	size_t certificate_count;
	char **auto_names; /* winnow makes a certificate for these */
	size_t auto_count;
	char *client_ca; /* file, or NULL: clients need no certificate */
	bool client_required;
};

struct config_rule {
	bool everybody; /* no users are named; else: */
	char **users; /* groups are replaced by their members */
	size_t user_count;
	char **pull; /* patterns of names; see access.h */
	size_t pull_count;
};

struct config_access {
	bool has_rules; /* without any, everybody who may come in pulls all */
	struct config_rule *rules;
	size_t rule_count;
};

struct config {
	char **listen; /* see listen_address.h */
	size_t listen_count;
	struct config_tls tls;
	char *store;
	char **warm; /* references */
	size_t warm_count;
	/* Line and column of each, for who checks the file that was read. */
	unsigned (*warm_marks)[2];
	uint64_t warm_interval_ms;
	uint64_t max_size; /* bytes; 0: no limit */
	uint64_t forget_after_ms; /* 0: never */
	char *admin_socket;
	char **admin; /* like `listen` */
	size_t admin_count;
	char *policies; /* directory */
	char *sets; /* directory */
	char *htpasswd; /* file, or NULL: clients have no passwords */
	struct config_access access;
	char *default_upstream;
	struct config_upstream *upstreams;
	size_t upstream_count;
	enum config_default default_action;
	char *original_prefix;
	char **platforms;
	size_t platform_count;
	uint64_t servers;
	uint64_t workers;
	uint64_t tag_ttl_ms;
	uint64_t negative_ttl_ms;
	bool stale_if_error;
	uint64_t wait_ms;
	uint64_t wait_containerd_ms;
	uint64_t worker_memory; /* bytes of address space */
	uint64_t worker_time_ms; /* for one job */
	uint64_t connections; /* per server */
	uint64_t jobs; /* variants built or waiting at once */
	uint64_t header_timeout_ms;
	uint64_t idle_timeout_ms;
	uint64_t upstream_connect_timeout_ms;
	uint64_t upstream_idle_timeout_ms; /* no byte for so long */
	uint64_t upstream_connections; /* at once, per upstream */
	char *log_level;
	char *access_log; /* a log_format */
	char *access_log_file; /* or NULL: standard error */
};

/*
 * Reads the file at `path`.  Returns -1 when there is any mistake: all are in
 * `mistakes`, *e says how many.
 */
int config_load(const char *path, struct config **out,
    struct yaml_mistakes *mistakes, struct err *e);
void config_free(struct config *c);

AUTO_DEFINE(config, config_free)
#define auto_config __attribute__((cleanup(auto_config_cleanup)))

/*
 * Takes over from `fresh` the values of keys that a reload changes, and
 * leaves the old ones there; says in the log which, and which others differ.
 */
void config_adopt(struct config *c, struct config *fresh);

/* Prints the effective configuration as a file that config_load() reads. */
void config_print(const struct config *c, FILE *out);

/* The upstream of that host, or NULL. */
const struct config_upstream *
config_find_upstream(const struct config *c, const char *host);

#endif
