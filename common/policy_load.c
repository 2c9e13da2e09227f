#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "winnow/mem.h"
#include "winnow/path.h"
#include "winnow/ref.h"

static const struct yaml_key policy_keys[] = {
    {"repository", YAML_STRING, true, "repo image name"},
    {"source", YAML_STRING, false, "from upstream base"},
    {"tags", YAML_LIST, false, "versions"},
    {"platforms", YAML_LIST, false, "arch architectures"},
    {"include", YAML_LIST, false, "sets includes use"},
    {"keep", YAML_LIST, false, "allow paths files whitelist allowlist"},
    {"drop", YAML_LIST, false, "deny exclude remove delete blacklist"},
    {"config", YAML_MAP | YAML_NULL, false, "image_config settings"},
    {"audit", YAML_MAP | YAML_NULL, false, "checks"},
    {"on_source_digest", YAML_STRING, false, "source_digest"},
    {"artifacts", YAML_STRING, false, "charts signatures"},
    {"ignore_hints", YAML_LIST, false, "hints silence ignore"},
};
#define POLICY_KEYS (sizeof(policy_keys) / sizeof(policy_keys[0]))

static const struct yaml_key audit_keys[] = {
    {"fail_on", YAML_LIST, false, "fail deny"},
    {"exceptions", YAML_LIST, false, "exclude ignore allow"},
};

static const struct yaml_key exception_keys[] = {
    {"path", YAML_STRING, true, "pattern file"},
    {"reason", YAML_STRING, true, "because comment why"},
};

/* A host that no name can have: no repository was given one. */
#define NO_HOST "none.invalid"

/* What a policy is read from. */
struct reader {
	const struct yaml_doc *doc;
	const struct yaml_node *root;
	struct policy_sets *sets;
	struct policy *policy;
};

/*
 * The one spelling of a real repository, whose path may be a glob: host in
 * lower case, library/ added.  NULL, which is reported, when it has no host.
 */
static char *
normalize_repository(const struct yaml_doc *doc, const struct yaml_node *n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				      "._-/*?[]{},!";
	const char *slash = strchrnul(n->text, '/');
	auto_free char *sample =
	    mem_printf("%.*s/x", (int)(slash - n->text), n->text);
	const char *path = *slash == '\0' ? slash : slash + 1;
	size_t bad = strspn(path, allowed);
	struct ref_repository r = {NULL, NULL};
	char *result = NULL;
	bool in_library;
	struct err e;

	if (ref_repository_parse(sample, NO_HOST, &r, &e) == -1 ||
	    strcmp(r.host, NO_HOST) == 0) {
		yaml_complain(doc, n,
		    "\"%s\" names no upstream: write docker.io/%s%s", n->text,
		    *slash == '\0' ? "library/" : "", n->text);
	} else if (*path == '\0' || path[bad] != '\0') {
		yaml_complain_inside(doc, n, (size_t)(path + bad - n->text),
		    "this cannot be in the name of a repository");
	} else if (strpbrk(path, "*?[]{},!") == NULL &&
	    !ref_is_repository(path)) {
		yaml_complain_inside(doc, n, (size_t)(path - n->text),
		    "this is not the name of a repository");
	} else {
		in_library = strcmp(r.host, "docker.io") == 0 &&
		    strchr(path, '/') == NULL && strcmp(path, "**") != 0;
		result = mem_printf(
		    "%s/%s%s", r.host, in_library ? "library/" : "", path);
	}
	ref_repository_clear(&r);
	return result;
}

/* Reads `source`, which makes `repository` a name of winnow's own. */
static void
read_virtual(struct reader *r, const struct yaml_node *repository,
    const struct yaml_node *source)
{
	r->policy->source = normalize_repository(r->doc, source);
	if (strpbrk(source->text, "*?[]{},!") != NULL &&
	    r->policy->source != NULL)
		yaml_complain(r->doc, source,
		    "\"source\" must be one repository, not a pattern");
	if (!ref_is_repository(repository->text)) {
		yaml_complain(r->doc, repository,
		    "with \"source\", this must be a name like "
		    "distroless/postgres");
		return;
	}
	r->policy->repository = mem_strdup(repository->text);
}

static void
read_repository(struct reader *r)
{
	const struct yaml_node *repository, *source;
	size_t column = 0;
	struct err e;

	repository = yaml_get(r->root, "repository", YAML_STRING);
	source = yaml_get(r->root, "source", YAML_STRING);
	if (repository == NULL)
		return;
	if (source != NULL)
		read_virtual(r, repository, source);
	else
		r->policy->repository =
		    normalize_repository(r->doc, repository);
	if (r->policy->repository != NULL &&
	    policy_compile_repository(r->policy, &column, &e) == -1)
		yaml_complain_inside(r->doc, repository,
		    column > strlen(repository->text) ? strlen(repository->text)
						      : column,
		    e.message);
}

static void
read_tags(struct reader *r)
{
	const struct yaml_node *list = yaml_get(r->root, "tags", YAML_LIST);
	const struct yaml_node *item = list == NULL ? NULL : list->first;
	size_t column = 0, tag = 0;
	struct err e;

	yaml_get_strings(
	    r->doc, r->root, "tags", &r->policy->tags, &r->policy->tag_count);
	if (list != NULL && list->first == NULL)
		yaml_complain(r->doc, list,
		    "an empty list of tags matches nothing: leave it out");
	for (; item != NULL; item = item->next) {
		if (item->type != YAML_STRING)
			continue;
		if (policy_compile_tag(r->policy, tag++, &column, &e) == -1)
			yaml_complain_inside(r->doc, item, column, e.message);
	}
}

/* Reads a list of words that a function knows. */
static void
check_words(struct reader *r, const struct yaml_node *list,
    bool (*is_known)(const char *), const char *what)
{
	const struct yaml_node *item = list == NULL ? NULL : list->first;

	for (; item != NULL; item = item->next) {
		if (item->type == YAML_STRING && !is_known(item->text))
			yaml_complain(
			    r->doc, item, "\"%s\" is not %s", item->text, what);
	}
}

static void
read_rules(struct reader *r)
{
	struct policy_rule_source from = {r->doc, r->policy->file, false};
	const struct yaml_node *keep = yaml_get(r->root, "keep", YAML_LIST);
	const struct yaml_node *include =
	    yaml_get(r->root, "include", YAML_LIST);

	/* The policy's own rules come first: an entry that a set keeps as
	 * well is then explained by the policy. */
	policy_rules_read(
	    &from, keep, &r->policy->keep, &r->policy->keep_count);
	policy_rules_read(&from, yaml_get(r->root, "drop", YAML_LIST),
	    &r->policy->drop, &r->policy->drop_count);
	policy_sets_include(r->sets, r->doc, include, r->policy);
	if ((keep == NULL || keep->first == NULL) &&
	    (include == NULL || include->first == NULL))
		yaml_complain(r->doc, r->root,
		    "this keeps nothing: add \"keep\" or \"include\"");
}

static void
read_exception(struct reader *r, const struct yaml_node *item)
{
	struct policy *p = r->policy;
	struct policy_exception x = {NULL, NULL, NULL};
	const struct yaml_node *path;
	size_t column = 0;
	struct err e;

	if (!yaml_check_map(r->doc, item, exception_keys, 2))
		return;
	path = yaml_get(item, "path", YAML_STRING);
	if (glob_compile(path->text, &x.glob, &column, &e) == -1) {
		yaml_complain_inside(r->doc, path, column, e.message);
		return;
	}
	x.path = mem_strdup(path->text);
	x.reason = mem_strdup(yaml_get_string(item, "reason"));
	p->exceptions = mem_realloc(
	    p->exceptions, p->exception_count + 1, sizeof(*p->exceptions));
	p->exceptions[p->exception_count++] = x;
}

static void
read_audit(struct reader *r)
{
	const struct yaml_node *map = yaml_get(r->root, "audit", YAML_MAP);
	const struct yaml_node *list, *item;

	if (map == NULL)
		return;
	(void)yaml_check_map(r->doc, map, audit_keys, 2);
	yaml_get_strings(r->doc, map, "fail_on", &r->policy->fail_on,
	    &r->policy->fail_on_count);
	check_words(r, yaml_get(map, "fail_on", YAML_LIST), policy_is_category,
	    "an audit category (winnow-policy(5))");
	list = yaml_get(map, "exceptions", YAML_LIST);
	item = list == NULL ? NULL : list->first;
	for (; item != NULL; item = item->next)
		read_exception(r, item);
}

/* A key that says deny, the default, or pass. */
static bool
read_pass(struct reader *r, const char *key)
{
	const struct yaml_node *n = yaml_get(r->root, key, YAML_STRING);

	if (n == NULL || strcmp(n->text, "deny") == 0)
		return false;
	if (strcmp(n->text, "pass") != 0)
		yaml_complain(
		    r->doc, n, "\"%s\" is neither deny nor pass", n->text);
	return true;
}

/* Reads a policy, as far as it goes; its mistakes are reported. */
static struct policy *
read_policy(
    const struct yaml_doc *doc, const char *file, struct policy_sets *sets)
{
	auto_strbuf struct strbuf name;
	struct policy *p = mem_zalloc(1, sizeof(*p));
	struct reader r = {doc, yaml_root(doc), sets, p};

	strbuf_init(&name, SIZE_MAX);
	path_escape(file, &name);
	p->file = mem_strdup(strbuf_string(&name));
	(void)yaml_check_map(doc, r.root, policy_keys, POLICY_KEYS);
	if (r.root->type != YAML_MAP)
		return p;
	read_repository(&r);
	read_tags(&r);
	yaml_get_strings(
	    doc, r.root, "platforms", &p->platforms, &p->platform_count);
	check_words(&r, yaml_get(r.root, "platforms", YAML_LIST),
	    policy_is_platform, "a platform like linux/amd64");
	read_rules(&r);
	p->config =
	    policy_config_read(doc, yaml_get(r.root, "config", YAML_MAP));
	read_audit(&r);
	if (read_pass(&r, "on_source_digest"))
		p->on_source_digest = POLICY_DIGEST_PASS;
	p->artifacts_pass = read_pass(&r, "artifacts");
	yaml_get_strings(doc, r.root, "ignore_hints", &p->ignored_hints,
	    &p->ignored_hint_count);
	check_words(&r, yaml_get(r.root, "ignore_hints", YAML_LIST),
	    policy_is_family, "a family of files (winnow-policy(5))");
	return p;
}

/* Loads one file; NULL, with its mistakes reported, when it is no YAML. */
static struct policy *
load(const char *path, struct policy_sets *sets, unsigned position[2])
{
	auto_yaml_doc struct yaml_doc *doc = NULL;
	const struct yaml_node *n;
	struct err e;

	if (yaml_load_file(path, path, &doc, sets->mistakes, &e) == -1)
		return NULL;
	n = yaml_get(yaml_root(doc), "repository", YAML_STRING);
	position[0] = n == NULL ? 0 : n->line;
	position[1] = n == NULL ? 0 : n->column;
	return read_policy(doc, path_base(path), sets);
}

int
policy_load_file(const char *path, const char *sets_dir, struct policy **out,
    struct yaml_mistakes *mistakes, struct err *e)
{
	struct policy_sets sets = {.dir = sets_dir, .mistakes = mistakes};
	auto_policy struct policy *p = NULL;
	unsigned position[2];

	p = load(path, &sets, position);
	policy_sets_clear(&sets);
	if (yaml_mistakes_finish(mistakes, path, e) == -1)
		return -1;
	*out = steal(&p);
	return 0;
}

static bool
has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

/* Backups, editors' files and what starts with a dot are no business of ours.
 */
static int
is_listed(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	    (has_suffix(entry->d_name, ".yaml") ||
		has_suffix(entry->d_name, ".yml"));
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

char **
policy_list_files(
    const char *dir, size_t *count, struct yaml_mistakes *mistakes)
{
	static const unsigned whole[2] = {0, 0};
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_listed, compare_names), i;
	char **names;

	if (n == -1) {
		yaml_mistakes_add(mistakes, dir, whole,
		    "cannot read this directory: %s", strerror(errno));
		return NULL;
	}
	names = mem_zalloc((size_t)n, sizeof(*names));
	for (i = 0; i < n; i++) {
		auto_free char *path =
		    mem_printf("%s/%s", dir, entries[i]->d_name);

		if (has_suffix(path, ".yml"))
			yaml_mistakes_add(mistakes, path, whole,
			    "not read: the name must end in .yaml");
		else
			names[(*count)++] = mem_strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return names;
}

/* True when every tag of `q` matches `p`, too. */
static bool
covers_tags(const struct policy *p, const struct policy *q)
{
	size_t i, j;

	if (p->tag_count == 0)
		return true;
	for (i = 0; i < q->tag_count; i++) {
		for (j = 0; j < p->tag_count; j++) {
			if (strcmp(p->tags[j], "*") == 0 ||
			    strcmp(p->tags[j], q->tags[i]) == 0)
				break;
			if (strpbrk(q->tags[i], "*?[]{}\\") == NULL &&
			    glob_match_name(p->tags[j], q->tags[i]))
				break;
		}
		if (j == p->tag_count)
			return false;
	}
	return q->tag_count > 0 || glob_match_name(p->tags[0], "*");
}

/*
 * True when every repository of `q` matches `p`, too.  Says no where two
 * patterns are too different to compare.
 */
static bool
covers_repository(const struct policy *p, const struct policy *q)
{
	size_t len = strlen(p->repository);

	if (strcmp(p->repository, q->repository) == 0)
		return true;
	if (strpbrk(q->repository, "*?[]{}") == NULL)
		return glob_match(p->repository_glob, q->repository);
	if (len > 3 && strcmp(p->repository + len - 3, "/**") == 0 &&
	    strpbrk(p->repository, "*?[]{}") == p->repository + len - 2)
		return strncmp(p->repository, q->repository, len - 2) == 0;
	/* A star takes any text in place of the other's star. */
	return strpbrk(p->repository, "?[]{}") == NULL &&
	    strpbrk(q->repository, "[]{}") == NULL &&
	    strstr(q->repository, "**") == NULL &&
	    glob_match(p->repository_glob, q->repository);
}

/* Reports a policy that none can reach because of an earlier one. */
static void
check_reachable(const struct policy_set *set, const char *path,
    const unsigned position[2], struct yaml_mistakes *mistakes)
{
	const struct policy *q = set->items[set->count - 1];
	size_t i;

	for (i = 0; i + 1 < set->count; i++) {
		const struct policy *p = set->items[i];

		if (p->repository_glob == NULL || q->repository_glob == NULL ||
		    !covers_repository(p, q) || !covers_tags(p, q))
			continue;
		yaml_mistakes_add(mistakes, path, position,
		    "never reached: %s comes first and matches the same",
		    p->file);
		return;
	}
}

/* Loads every file of a folder into the set. */
static void
load_all(const char *dir, struct policy_sets *sets, struct policy_set *set)
{
	size_t count = 0, i;
	char **names = policy_list_files(dir, &count, sets->mistakes);

	set->items = mem_zalloc(count, sizeof(*set->items));
	for (i = 0; i < count; i++) {
		auto_free char *path = mem_printf("%s/%s", dir, names[i]);
		unsigned position[2];
		struct policy *p = load(path, sets, position);

		free(names[i]);
		if (p == NULL)
			continue;
		set->items[set->count++] = p;
		check_reachable(set, path, position, sets->mistakes);
	}
	free(names);
}

int
policy_load_dir(const char *policies_dir, const char *sets_dir,
    struct policy_set **out, struct yaml_mistakes *mistakes, struct err *e)
{
	struct policy_sets sets = {.dir = sets_dir, .mistakes = mistakes};
	struct policy_set *set = mem_zalloc(1, sizeof(*set));

	policy_sets_load_all(&sets);
	load_all(policies_dir, &sets, set);
	policy_sets_clear(&sets);
	if (yaml_mistakes_finish(mistakes, policies_dir, e) == -1) {
		policy_set_free(set);
		return -1;
	}
	*out = set;
	return 0;
}
