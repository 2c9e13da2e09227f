#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"
#include "winnow/ref.h"

/* Scopes of sources; no name of a repository has a colon. */
#define ORIGINAL_PREFIX "original:"
#define PASS_PREFIX "pass:"
#define ARTIFACT_PREFIX "artifact:"

/* `name` without the original prefix, or NULL when it has none. */
static const char *
without_prefix(const struct config *c, const char *name)
{
	size_t len = strlen(c->original_prefix);

	if (len == 0 || strncmp(name, c->original_prefix, len) != 0 ||
	    name[len] != '/')
		return NULL;
	return name + len + 1;
}

/*
 * *out: the policy of the virtual repository called `name`, whose source is
 * what is fetched, or NULL when there is none of that name.  A tag of which no
 * policy of it speaks is no other repository's: somebody else may have one of
 * that name upstream.
 */
static int
find_virtual(const struct policy_set *policies, const char *name,
    const char *tag, const struct policy **out, struct err *e)
{
	const struct policy *p = policy_find(policies, name, tag);
	bool known = p != NULL && p->source != NULL;

	*out = known ? p : NULL;
	p = policy_find(policies, name, NULL);
	if (known || p == NULL || p->source == NULL)
		return 0;
	return err_set(e, ERR_NOT_FOUND,
	    "no policy of the virtual repository %s speaks of the tag %s", name,
	    tag);
}

/* Splits a name, with the namespace of a mirror request in charge. */
static int
split(const struct config *c, const char *name, const char *ns,
    struct ref_repository *out, struct err *e)
{
	auto_free char *full = NULL;

	if (ns == NULL)
		return ref_repository_parse(name, c->default_upstream, out, e);
	full = mem_printf("%s/%s", ns, name);
	return ref_repository_parse(full, c->default_upstream, out, e);
}

/* Decides between variant and source for a name without prefix. */
static int
apply_policy(const struct config *c, const struct policy_set *policies,
    const char *tag, struct names_target *t, struct err *e)
{
	t->policy = policy_find(policies, t->scope, tag);
	if (t->policy != NULL) {
		t->mode = NAMES_STRIP;
		return 0;
	}
	t->mode = NAMES_PASS;
	if (c->default_action == CONFIG_PASS) {
		char *name = t->scope;

		t->scope = mem_printf(PASS_PREFIX "%s", name);
		free(name);
		return 0;
	}
	return err_set(e, ERR_DENIED,
	    "no policy speaks of %s%s%s, and the configuration says "
	    "default: deny",
	    t->scope, tag == NULL ? "" : ":", tag == NULL ? "" : tag);
}

/* True when sources may be served under a name that has a policy. */
static bool
may_pass(const struct config *c, const struct policy_set *policies,
    const struct names_target *t)
{
	if (t->policy->on_source_digest == POLICY_DIGEST_PASS)
		return true;
	return t->policy->source == NULL && c->default_action == CONFIG_PASS &&
	    !policy_covers(policies, t->scope);
}

int
names_find(const struct config *c, const struct policy_set *policies,
    const char *name, const char *ns, const char *tag, struct names_target *out,
    struct err *e)
{
	const char *original = ns == NULL ? without_prefix(c, name) : NULL;
	const struct policy *virtual_policy = NULL;
	struct names_target t = {.mode = NAMES_ORIGINAL};
	struct ref_repository r;
	int status = 0;

	if (ns == NULL && original == NULL &&
	    find_virtual(policies, name, tag, &virtual_policy, e) == -1)
		return -1;
	if (virtual_policy != NULL)
		status = split(c, virtual_policy->source, NULL, &r, e);
	else
		status =
		    split(c, original != NULL ? original : name, ns, &r, e);
	if (status == -1)
		return -1;
	t.host = r.host;
	t.repository = r.path;
	if (config_find_upstream(c, t.host) == NULL) {
		err_set(e, ERR_NOT_FOUND,
		    "%s is not configured as an upstream of this proxy",
		    t.host);
		names_target_clear(&t);
		return -1;
	}
	if (virtual_policy != NULL) {
		t.mode = NAMES_STRIP;
		t.policy = virtual_policy;
		t.scope = mem_strdup(name);
	} else if (original != NULL) {
		t.scope =
		    mem_printf(ORIGINAL_PREFIX "%s/%s", t.host, t.repository);
	} else {
		t.scope = mem_printf("%s/%s", t.host, t.repository);
		status = apply_policy(c, policies, tag, &t, e);
	}
	if (status == -1) {
		names_target_clear(&t);
		return -1;
	}
	if (t.mode == NAMES_STRIP && may_pass(c, policies, &t))
		t.pass_scope = mem_printf(PASS_PREFIX "%s", t.scope);
	else if (t.mode == NAMES_STRIP &&
	    policy_passes_artifacts(policies, t.scope))
		t.pass_scope = mem_printf(ARTIFACT_PREFIX "%s", t.scope);
	*out = t;
	return 0;
}

bool
names_serve_tag(const struct config *c, const struct policy_set *policies,
    const struct names_target *t, const char *tag)
{
	const struct policy *p;

	if (t->mode != NAMES_STRIP)
		return true;
	p = policy_find(policies, t->scope, tag);
	/* A virtual repository is its policies' own, one source's here. */
	if (t->policy->source != NULL &&
	    (p == NULL || p->source == NULL ||
		strcmp(p->source, t->policy->source) != 0))
		return false;
	if (p == NULL)
		return c->default_action == CONFIG_PASS;
	return !ref_is_signature_tag(tag);
}

bool
names_must_know(const struct policy_set *policies, const char *scope)
{
	static const char *const prefixes[] = {PASS_PREFIX, ARTIFACT_PREFIX};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(scope, prefixes[i], strlen(prefixes[i])) == 0)
			return policy_find(policies,
				   scope + strlen(prefixes[i]), NULL) != NULL;
	return false;
}

void
names_target_clear(struct names_target *t)
{
	free(t->host);
	free(t->repository);
	free(t->scope);
	free(t->pass_scope);
	*t = (struct names_target){.mode = NAMES_PASS};
}
