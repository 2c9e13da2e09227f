#include "winnow/audit.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "audit_names.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

/*
 * A file to which more names of applets lead is a busybox by another name;
 * single-purpose programs have fewer aliases.
 */
#define FARM_APPLETS 20

/*
 * An executable file with all its names: hard links share one entry,
 * symbolic links lead to it.
 */
struct program {
	const struct layer_entry *entry;
	const struct tree_node *node; /* its first name */
	unsigned categories; /* of all names, a bit each */
	const struct tree_node *named[AUDIT_CATEGORIES]; /* the name that says
							    so */
	unsigned applets;
	bool multicall;
};

struct scan {
	const struct tree *tree;
	const bool *kept; /* NULL: all */
	const struct policy *policy; /* or NULL */
	struct program *programs; /* sorted by entry */
	size_t program_count;
	size_t program_capacity;
	struct audit *audit;
	size_t capacity;
};

static const char *const category_names[AUDIT_CATEGORIES] = {
    [AUDIT_SHELL] = "shell",
    [AUDIT_PACKAGE_MANAGER] = "package-manager",
    [AUDIT_DOWNLOAD] = "download",
    [AUDIT_INTERPRETER] = "interpreter",
    [AUDIT_COMPILER] = "compiler",
    [AUDIT_DEBUGGER] = "debugger",
    [AUDIT_PRIVILEGE] = "privilege",
    [AUDIT_SETUID] = "setuid",
    [AUDIT_CAPABILITY] = "capability",
    [AUDIT_WORLD_WRITABLE] = "world-writable",
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

static bool
is_kept(const struct scan *s, const struct tree_node *n)
{
	return s->kept == NULL || s->kept[n->number];
}

static bool
is_executable(const struct tree_node *n)
{
	return tree_node_type(n) == ENTRY_FILE && (n->entry->mode & 0111) != 0;
}

static int
compare_programs(const void *a, const void *b)
{
	const struct program *x = a, *y = b;
	uintptr_t i = (uintptr_t)x->entry, j = (uintptr_t)y->entry;

	if (i != j)
		return i < j ? -1 : 1;
	if (x->node == NULL || y->node == NULL)
		return 0;
	return x->node->number < y->node->number ? -1 : 1;
}

/* Collects the executable files, one element for all hard links of one. */
static void
collect_programs(struct scan *s)
{
	uint32_t i, count = tree_count(s->tree);
	size_t from, to = 0;

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		if (!is_kept(s, n) || !is_executable(n))
			continue;
		s->programs = mem_grow(s->programs, s->program_count,
		    &s->program_capacity, sizeof(*s->programs));
		s->programs[s->program_count++] =
		    (struct program){.entry = n->entry, .node = n};
	}
	if (s->program_count == 0)
		return;
	qsort(s->programs, s->program_count, sizeof(*s->programs),
	    compare_programs);
	for (from = 1; from < s->program_count; from++)
		if (s->programs[from].entry != s->programs[to].entry)
			s->programs[++to] = s->programs[from];
	s->program_count = to + 1;
}

/* The program that runs when the name `n` is executed, or NULL. */
static struct program *
find_program(const struct scan *s, const struct tree_node *n)
{
	struct program key = {0};

	if (!is_kept(s, n))
		return NULL;
	if (tree_node_type(n) == ENTRY_SYMLINK)
		n = tree_resolve(
		    s->tree, n->parent, n->entry->link, 0, NULL, NULL);
	if (n == NULL || !is_kept(s, n) || !is_executable(n) ||
	    s->program_count == 0)
		return NULL;
	key.entry = n->entry;
	return bsearch(&key, s->programs, s->program_count,
	    sizeof(*s->programs), compare_programs);
}

/* Tells each program what its names say about it. */
static void
name_programs(struct scan *s)
{
	uint32_t i, count = tree_count(s->tree);

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);
		struct program *program = find_program(s, n);
		int category;

		if (program == NULL)
			continue;
		if (audit_name_is_multicall(n->name, n->name_len))
			program->multicall = true;
		if (audit_name_is_applet(n->name, n->name_len) &&
		    ++program->applets > FARM_APPLETS)
			program->multicall = true;
		category = audit_name_category(n->name, n->name_len);
		if (category == -1)
			continue;
		program->categories |= 1u << category;
		if (program->named[category] == NULL)
			program->named[category] = n;
	}
}

/*
 * True when the exception's pattern matches the node: its literal prefix
 * follows symbolic links, as in a policy's keep list.
 */
static bool
is_excused_by(const struct scan *s, const struct policy_exception *x,
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
		const struct tree_node *at = tree_resolve(s->tree, NULL,
		    glob_literal_prefix(x->glob, i), TREE_NOFOLLOW, NULL, NULL);

		if (at == NULL || (rest == NULL && at != n))
			continue;
		if (rest == NULL)
			return true;
		at = tree_resolve(s->tree, NULL,
		    glob_literal_prefix(x->glob, i), 0, NULL, NULL);
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

/* Takes `detail`. */
static void
add_finding(struct scan *s, enum audit_category category,
    const struct tree_node *n, char *detail)
{
	struct audit *a = s->audit;
	struct audit_finding *f;
	size_t i;

	a->findings =
	    mem_grow(a->findings, a->count, &s->capacity, sizeof(*a->findings));
	f = &a->findings[a->count++];
	*f = (struct audit_finding){
	    .category = category, .node = n, .detail = detail};
	for (i = 0; s->policy != NULL && i < s->policy->exception_count; i++)
		if (f->excused == NULL &&
		    is_excused_by(s, &s->policy->exceptions[i], n))
			f->excused = s->policy->exceptions[i].reason;
	f->fatal = f->excused == NULL && is_fatal(s->policy, category);
	if (f->fatal)
		a->fatal = true;
}

/* A text around the path of a node. */
static char *
format_detail(const char *before, const struct tree_node *n, const char *after)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	return mem_printf("%s%s%s", before, strbuf_string(&path), after);
}

/* Why the name `n` of a program has this category; NULL when it says so. */
static char *
explain_name(const struct program *program, enum audit_category category,
    const struct tree_node *n)
{
	const struct tree_node *other = program->named[category];

	if (tree_node_type(n) == ENTRY_SYMLINK)
		return format_detail("symbolic link to ", program->node, "");
	if (other == NULL)
		return mem_printf("%u names of a multicall program lead here",
		    program->applets);
	if (audit_name_category(n->name, n->name_len) == (int)category)
		return NULL;
	if (tree_node_type(other) == ENTRY_SYMLINK)
		return format_detail(
		    "the symbolic link ", other, " leads here");
	return format_detail("the same file as ", other, "");
}

/* The findings that the names of the program behind `n` give. */
static void
audit_names(struct scan *s, const struct tree_node *n)
{
	const struct program *program = find_program(s, n);
	unsigned categories, i;
	int own;

	if (program == NULL)
		return;
	categories = program->categories;
	if (program->multicall) {
		/* Each link is one applet; the program itself is a shell. */
		own = audit_name_category(n->name, n->name_len);
		categories = own == -1 ? 0 : 1u << own;
		if (n == program->node)
			categories |= 1u << AUDIT_SHELL;
	}
	for (i = 0; i < AUDIT_CATEGORIES; i++)
		if ((categories & 1u << i) != 0)
			add_finding(s, (enum audit_category)i, n,
			    explain_name(program, (enum audit_category)i, n));
}

/* "permitted 0x..." out of capability(7)'s extended attribute. */
static char *
format_capabilities(const struct layer_xattr *x)
{
	uint32_t words[5] = {0};

	memcpy(words, x->value,
	    x->value_len < sizeof(words) ? x->value_len : sizeof(words));
	return mem_printf(
	    "permitted 0x%08x%08x", le32toh(words[3]), le32toh(words[1]));
}

/* The findings that the node's own metadata give. */
static void
audit_metadata(struct scan *s, const struct tree_node *n)
{
	enum entry_type type = tree_node_type(n);
	const struct layer_entry *entry = n->entry;
	uint32_t i;

	if (entry == NULL || (type != ENTRY_FILE && type != ENTRY_DIRECTORY))
		return;
	if (type == ENTRY_FILE && (entry->mode & 06000) != 0)
		add_finding(s, AUDIT_SETUID, n,
		    mem_printf("mode %04o, owner %llu:%llu", entry->mode,
			(unsigned long long)entry->uid,
			(unsigned long long)entry->gid));
	for (i = 0; i < entry->xattr_count; i++)
		if (strcmp(entry->xattrs[i].name, "security.capability") == 0)
			add_finding(s, AUDIT_CAPABILITY, n,
			    format_capabilities(&entry->xattrs[i]));
	if ((entry->mode & 0002) != 0 &&
	    (type == ENTRY_FILE || (entry->mode & 01000) == 0))
		add_finding(s, AUDIT_WORLD_WRITABLE, n,
		    mem_printf("mode %04o", entry->mode));
}

void
audit_run(const struct tree *t, const bool *kept, const struct policy *p,
    struct audit **out)
{
	struct scan s = {.tree = t, .kept = kept, .policy = p};
	uint32_t i, count = tree_count(t);

	s.audit = mem_zalloc(1, sizeof(*s.audit));
	collect_programs(&s);
	name_programs(&s);
	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(t, i);

		if (!is_kept(&s, n))
			continue;
		audit_names(&s, n);
		audit_metadata(&s, n);
	}
	free(s.programs);
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
