#include "winnow/audit.h"

#include <stdlib.h>
#include <string.h>

#include "audit_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

static const char *const category_names[AUDIT_CATEGORIES] = {
    [AUDIT_SHELL] = "shell",
    [AUDIT_PACKAGE_MANAGER] = "package-manager",
    [AUDIT_MULTICALL] = "multicall",
    [AUDIT_PACKED] = "packed",
    [AUDIT_DOWNLOAD] = "download",
    [AUDIT_INTERPRETER] = "interpreter",
    [AUDIT_COMPILER] = "compiler",
    [AUDIT_DEBUGGER] = "debugger",
    [AUDIT_PRIVILEGE] = "privilege",
    [AUDIT_SETUID] = "setuid",
    [AUDIT_CAPABILITY] = "capability",
    [AUDIT_WORLD_WRITABLE] = "world-writable",
    [AUDIT_CREDENTIAL] = "credential",
    [AUDIT_LOGIN_SHELL] = "login-shell",
    [AUDIT_ROOT_USER] = "root-user",
    [AUDIT_SHELL_FORM] = "shell-form",
    [AUDIT_LOADER] = "loader",
    [AUDIT_LIVE_SCRIPT] = "live-script",
    [AUDIT_DEAD_SCRIPT] = "dead-script",
};

const char *
audit_category_name(enum audit_category category)
{
	return category_names[category];
}

int
audit_category_parse(const char *name)
{
	int i;

	for (i = 0; i < AUDIT_CATEGORIES; i++)
		if (strcmp(category_names[i], name) == 0)
			return i;
	return -1;
}

bool
audit_keeps(const struct audit_scan *s, const struct tree_node *n)
{
	return s->kept == NULL || s->kept[n->number];
}

static bool
keeps(const void *arg, const struct tree_node *n)
{
	return audit_keeps(arg, n);
}

/*
 * True when the exception's pattern matches the node: its literal prefix
 * follows symbolic links, as in a policy's keep list.
 */
static bool
is_excused_by(const struct tree *t, const struct policy_exception *x,
    const struct tree_node *n)
{
	auto_strbuf struct strbuf path, base;
	size_t i;

	strbuf_init(&path, LIMIT_PATH + 1);
	strbuf_init(&base, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	if (glob_match(x->glob, strbuf_string(&path)))
		return true;
	for (i = 0; i < glob_alternatives(x->glob); i++) {
		const struct glob *rest = glob_rest(x->glob, i);
		const struct tree_node *at = tree_resolve(t, NULL,
		    glob_literal_prefix(x->glob, i), TREE_NOFOLLOW, NULL, NULL);

		if (at == NULL || (rest == NULL && at != n))
			continue;
		if (rest == NULL)
			return true;
		at = tree_resolve(
		    t, NULL, glob_literal_prefix(x->glob, i), 0, NULL, NULL);
		if (at == NULL)
			continue;
		tree_node_path(at, &base);
		if (path.len > base.len &&
		    memcmp(strbuf_string(&path), strbuf_string(&base),
			base.len) == 0 &&
		    (base.len == 0 || path.data[base.len] == '/') &&
		    glob_match(
			rest, path.data + base.len + (base.len > 0 ? 1 : 0)))
			return true;
	}
	return false;
}

static bool
is_fatal(const struct policy *p, enum audit_category category)
{
	size_t i;

	for (i = 0; p != NULL && i < p->fail_on_count; i++)
		if (strcmp(p->fail_on[i], category_names[category]) == 0)
			return true;
	return false;
}

/* The first exception for the node, or NULL. */
static const struct policy_exception *
find_exception(
    const struct tree *t, const struct policy *p, const struct tree_node *n)
{
	size_t i;

	for (i = 0; p != NULL && n != NULL && i < p->exception_count; i++)
		if (is_excused_by(t, &p->exceptions[i], n))
			return &p->exceptions[i];
	return NULL;
}

bool
audit_forbids(const struct tree *t, const struct policy *p,
    enum audit_category category, const struct tree_node *n)
{
	return is_fatal(p, category) && find_exception(t, p, n) == NULL;
}

/* Adds a finding that is complete but for what the policy says of it. */
static void
add(struct audit_scan *s, struct audit_finding f)
{
	const struct policy_exception *exception =
	    find_exception(s->tree, s->policy, f.node);
	struct audit *a = s->audit;

	f.excused = exception == NULL ? NULL : exception->reason;
	f.fatal = f.excused == NULL && is_fatal(s->policy, f.category);
	if (f.fatal)
		a->fatal = true;
	a->findings = mem_grow(a->findings, a->count, &s->capacity, sizeof(f));
	a->findings[a->count++] = f;
}

void
audit_add(struct audit_scan *s, enum audit_category category,
    const struct tree_node *n, char *detail)
{
	add(s,
	    (struct audit_finding){
		.category = category, .node = n, .detail = detail});
}

void
audit_add_config(struct audit_scan *s, enum audit_category category,
    const char *member, char *detail)
{
	add(s,
	    (struct audit_finding){
		.category = category, .member = member, .detail = detail});
}

char *
audit_path_text(
    const char *before, const struct tree_node *n, const char *after)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	return mem_printf("%s%s%s", before, strbuf_string(&path), after);
}

static int
compare_texts(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* The order of findings about one node, or about the config. */
static int
compare_findings(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;

	if (x->category != y->category)
		return x->category < y->category ? -1 : 1;
	if (x->member != y->member)
		return compare_texts(x->member, y->member);
	return compare_texts(x->detail, y->detail);
}

/* Sorts the findings from the given one on. */
static void
sort_findings(struct audit *a, size_t from)
{
	if (a->count - from > 1)
		qsort(a->findings + from, a->count - from, sizeof(*a->findings),
		    compare_findings);
}

static void
audit_node(struct audit_scan *s, const struct tree_node *n)
{
	size_t before = s->audit->count;

	audit_program(s, n);
	audit_file(s, n);
	audit_accounts(s, n);
	sort_findings(s->audit, before);
}

void
audit_run(const struct tree *t, const bool *kept, const struct policy *p,
    const json_t *config, struct audit **out)
{
	struct audit_scan s = {.tree = t,
	    .kept = kept,
	    .policy = p,
	    .lookup = {.tree = t, .keeps = keeps, .arg = &s}};
	uint32_t i, count = tree_count(t);
	size_t before;

	s.audit = mem_zalloc(1, sizeof(*s.audit));
	audit_programs_init(&s);
	audit_accounts_init(&s);
	for (i = 0; i < count; i++)
		if (audit_keeps(&s, tree_at(t, i)))
			audit_node(&s, tree_at(t, i));
	before = s.audit->count;
	audit_config(&s, config);
	sort_findings(s.audit, before);
	audit_programs_clear(&s);
	*out = s.audit;
}

void
audit_free(struct audit *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < a->count; i++)
		free(a->findings[i].detail);
	free(a->findings);
	free(a);
}

size_t
audit_count(const struct audit *a, enum audit_category category)
{
	size_t i, count = 0;

	for (i = 0; i < a->count; i++)
		if (a->findings[i].category == category &&
		    a->findings[i].excused == NULL)
			count++;
	return count;
}

bool
audit_is_distroless(const struct audit *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->findings[i].category == AUDIT_SHELL ||
		    a->findings[i].category == AUDIT_PACKAGE_MANAGER)
			return false;
	return true;
}
