/*
 * names: what a name in a client's URL stands for (DESIGN section 4).
 */
#ifndef WINNOW_DAEMON_NAMES_H
#define WINNOW_DAEMON_NAMES_H

#include "config.h"
#include "winnow/err.h"
#include "winnow/policy.h"

enum names_mode {
	NAMES_STRIP, /* the variant under `policy` */
	NAMES_ORIGINAL, /* the source, asked for with the original prefix */
	NAMES_PASS /* the source, since no policy speaks of it */
};

struct names_target {
	enum names_mode mode;
	char *host; /* upstream: "docker.io" */
	char *repository; /* there: "library/postgres" */
	char *scope; /* the repository as it is served (store.h) */
	/* NAMES_STRIP: where sources are that may pass under the name, since
	 * some tags have no policy, the policy passes source digests, or (a
	 * scope of their own) artifacts; else NULL. */
	char *pass_scope;
	const struct policy *policy; /* NAMES_STRIP; borrowed */
};

/*
 * Finds out what `name` (as in the URL) means; `ns` is the query's namespace
 * and `tag` the tag asked for, or NULL (by digest: the first policy of the
 * repository).  ERR_NOT_FOUND when the upstream is not configured,
 * ERR_DENIED when no policy speaks of it and the default is to deny.
 * names_target_clear() releases.
 */
int names_find(const struct config *c, const struct policy_set *policies,
    const char *name, const char *ns, const char *tag, struct names_target *out,
    struct err *e);

/*
 * True when `tag` of the target's repository may be pulled under its name, as
 * variant or as it is: what a list of its tags names.
 */
bool names_serve_tag(const struct config *c, const struct policy_set *policies,
    const struct names_target *t, const char *tag);

/*
 * Whether a source's digest is answered in this scope only while the store
 * knows that it has passed there: a policy speaks of the name.  Elsewhere the
 * upstream is asked.
 */
bool names_must_know(const struct policy_set *policies, const char *scope);

void names_target_clear(struct names_target *t);

#define auto_names_target __attribute__((cleanup(names_target_clear)))

#endif
