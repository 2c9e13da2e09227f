/*
 * policy: what an admin writes about a repository (DESIGN section 6).
 *
 * Loaded from YAML by core and the command line; every mistake is collected
 * with file, line and column.  policy_format() gives the effective policy as
 * canonical JSON with its sets resolved: that is what workers get, what the
 * recipe of a variant remembers and what its key hashes.
 */
#ifndef WINNOW_POLICY_H
#define WINNOW_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/err.h"
#include "winnow/glob.h"
#include "winnow/strbuf.h"
#include "winnow/yaml.h"

enum policy_rule_kind { POLICY_PATTERN, POLICY_PACKAGE };

struct policy_rule {
	enum policy_rule_kind kind;
	char *text; /* the pattern, or the package's name */
	struct glob *glob; /* of a pattern */
	char *origin; /* "postgres.yaml:7" or "sets.d/base.yaml:3" */
	bool from_set; /* matching nothing is then no warning */
};

/* An audit exception: findings at matching paths are reported as excused. */
struct policy_exception {
	char *path;
	struct glob *glob;
	char *reason;
};

enum policy_digest_action { POLICY_DIGEST_DENY, POLICY_DIGEST_PASS };

struct policy {
	char *file; /* "postgres.yaml" */
	char *repository; /* what clients ask for, host included:
			     docker.io/library/postgres; globs allowed */
	struct glob *repository_glob;
	char *source; /* a virtual repository's source, or NULL */
	char **tags; /* globs; none means every tag */
	struct glob **tag_globs;
	size_t tag_count;
	char **platforms; /* "linux/amd64"; none: the configuration's */
	size_t platform_count;
	struct policy_rule *keep; /* sets included, in order */
	size_t keep_count;
	struct policy_rule *drop;
	size_t drop_count;
	/* Config edits: the object under `config:` with checked types; keys
	 * entrypoint cmd user workdir env labels stop_signal healthcheck.
	 * NULL when there are none.  entrypoint and cmd: strings, or null.
	 * env and labels: null removes a name.  healthcheck: null, or test
	 * (strings), interval, timeout, start_period ("30s"), retries. */
	json_t *config;
	char **fail_on; /* audit categories (audit.h) */
	size_t fail_on_count;
	struct policy_exception *exceptions;
	size_t exception_count;
	char **ignored_hints; /* families of files (hints.h) that may lack */
	size_t ignored_hint_count;
	enum policy_digest_action on_source_digest;
	bool artifacts_pass; /* what is no image, instead of refusing it */
};

struct policy_set {
	struct policy **items; /* in file-name order */
	size_t count;
};

/*
 * Loads every *.yaml of `policies_dir`, with named sets from `sets_dir`.
 * Returns -1 when there is any mistake: all are in `mistakes`, *e says how
 * many.  Unknown keys, bad patterns, unknown sets, duplicate keys, and
 * policies that can never be reached are mistakes.
 */
int policy_load_dir(const char *policies_dir, const char *sets_dir,
    struct policy_set **out, struct yaml_mistakes *mistakes, struct err *e);

/* The same for one file. */
int policy_load_file(const char *path, const char *sets_dir,
    struct policy **out, struct yaml_mistakes *mistakes, struct err *e);

/* The families that ignore_hints may name; hints.c tests that they agree. */
const char *const *policy_families(size_t *count);

/* The audit categories that fail_on may name; audit.c tests that they agree. */
const char *const *policy_categories(size_t *count);

void policy_free(struct policy *p);
void policy_set_free(struct policy_set *set);

AUTO_DEFINE(policy, policy_free)
#define auto_policy __attribute__((cleanup(auto_policy_cleanup)))

/*
 * The first policy that matches repository ("docker.io/library/postgres")
 * and tag (NULL: any tag matches), or NULL.  A virtual repository is found
 * under the name that its policy gives it, without a host.
 */
const struct policy *policy_find(
    const struct policy_set *set, const char *repository, const char *tag);

/* True when every tag of the repository has a policy. */
bool policy_covers(const struct policy_set *set, const char *repository);

/* True when some policy of the repository lets artifacts pass. */
bool
policy_passes_artifacts(const struct policy_set *set, const char *repository);

/*
 * The effective policy as canonical JSON (the caller frees), its digest, and
 * back from JSON that core wrote.  `repository`, `tags` and origins do not
 * count for the digest: moving a line changes no variant.
 */
char *policy_format(const struct policy *p, size_t *len);
void policy_digest(const struct policy *p, struct digest *out);
int
policy_parse(const char *json, size_t len, struct policy **out, struct err *e);

/*
 * Appends the item of a `keep:` list that names a path of an image alone:
 * "- /usr/bin/x", quoted for YAML and with what patterns mean escaped.  A
 * byte that YAML cannot say is `?`.
 */
void policy_format_keep(const char *path, struct strbuf *out);

/*
 * Guesses, erring towards yes, for spooling while a layer is read: whether the
 * content at a path may be needed under this policy.  Symbolic links are not
 * known yet: usr/lib and lib count as one.  Borrows the policy.
 */
struct policy_guess;
struct policy_guess *policy_guess_new(const struct policy *p);
void policy_guess_free(struct policy_guess *g);

AUTO_DEFINE(policy_guess, policy_guess_free)
#define auto_policy_guess __attribute__((cleanup(auto_policy_guess_cleanup)))

bool policy_guess(struct policy_guess *g, const char *path);

#endif
