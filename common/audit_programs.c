/* Programs by name, by link, by content and by what they need. */
#include <stdlib.h>
#include <string.h>

#include "audit_names.h"
#include "audit_private.h"
#include "winnow/mem.h"

/*
 * A file to which more names of applets lead is a busybox by another name;
 * single-purpose programs have fewer aliases.
 */
#define FARM_APPLETS 20

/*
 * A program with all its names: hard links share one entry, symbolic links
 * lead to it.
 */
struct audit_program {
	const struct layer_entry *entry;
	const struct tree_node *node; /* its first name */
	unsigned named; /* categories of all names, a bit each */
	const struct tree_node *names[AUDIT_CATEGORIES]; /* the name that says
							    so */
	unsigned inside; /* categories by content and needed libraries */
	unsigned applets;
	bool multicall;
};

#define BIT(category) (1u << (category))

/* What a program that has the mark is. */
static const unsigned mark_categories[MARKS] = {
    [MARK_BASH] = BIT(AUDIT_SHELL),
    [MARK_ASH] = BIT(AUDIT_SHELL),
    [MARK_ZSH] = BIT(AUDIT_SHELL),
    [MARK_MKSH] = BIT(AUDIT_SHELL),
    [MARK_PDKSH] = BIT(AUDIT_SHELL),
    [MARK_KSH93] = BIT(AUDIT_SHELL),
    [MARK_YASH] = BIT(AUDIT_SHELL),
    [MARK_CSH] = BIT(AUDIT_SHELL),
    [MARK_FISH] = BIT(AUDIT_SHELL),
    [MARK_ELVISH] = BIT(AUDIT_SHELL),
    [MARK_RC] = BIT(AUDIT_SHELL),
    [MARK_SASH] = BIT(AUDIT_SHELL),
    [MARK_TOYSH] = BIT(AUDIT_SHELL),
    [MARK_BUSYBOX] = BIT(AUDIT_SHELL) | BIT(AUDIT_MULTICALL),
    [MARK_TOYBOX] = BIT(AUDIT_MULTICALL),
    [MARK_COREUTILS] = BIT(AUDIT_MULTICALL),
    [MARK_UUTILS] = BIT(AUDIT_MULTICALL),
    [MARK_DPKG] = BIT(AUDIT_PACKAGE_MANAGER),
    [MARK_APK] = BIT(AUDIT_PACKAGE_MANAGER),
    [MARK_PERL] = BIT(AUDIT_INTERPRETER),
    [MARK_PYTHON] = BIT(AUDIT_INTERPRETER),
    [MARK_LUA] = BIT(AUDIT_INTERPRETER),
    [MARK_PHP] = BIT(AUDIT_INTERPRETER),
    [MARK_NODE] = BIT(AUDIT_INTERPRETER),
    [MARK_RUBY] = BIT(AUDIT_INTERPRETER),
    [MARK_GDB] = BIT(AUDIT_DEBUGGER),
    [MARK_CURL] = BIT(AUDIT_DOWNLOAD),
    [MARK_WGET] = BIT(AUDIT_DOWNLOAD),
    [MARK_PACKED] = BIT(AUDIT_PACKED),
};

/* Libraries that make a program one of a category, by how they start. */
static const struct {
	const char *prefix;
	enum audit_category category;
} libraries[] = {
    {"libapt-pkg.so", AUDIT_PACKAGE_MANAGER},
    {"libapk.so", AUDIT_PACKAGE_MANAGER},
    {"librpm.so", AUDIT_PACKAGE_MANAGER},
    {"libdnf", AUDIT_PACKAGE_MANAGER},
    {"libalpm.so", AUDIT_PACKAGE_MANAGER},
    {"libzypp.so", AUDIT_PACKAGE_MANAGER},
    {"libperl.so", AUDIT_INTERPRETER},
    {"libpython", AUDIT_INTERPRETER},
    {"libruby", AUDIT_INTERPRETER},
    {"libtcl8", AUDIT_INTERPRETER},
    {"libtcl9", AUDIT_INTERPRETER},
    {"libguile-", AUDIT_INTERPRETER},
    {"libphp", AUDIT_INTERPRETER},
};

/* Shells and the like even without their execute bit: ld.so runs them. */
static bool
is_program(const struct tree_node *n)
{
	return lookup_is_executable(n) ||
	    (tree_node_type(n) == ENTRY_FILE &&
		(n->entry->marks & ~MARK_BIT(MARK_PRIVATE_KEY)) != 0);
}

static int
compare_programs(const void *a, const void *b)
{
	const struct audit_program *x = a, *y = b;
	uintptr_t i = (uintptr_t)x->entry, j = (uintptr_t)y->entry;

	if (i != j)
		return i < j ? -1 : 1;
	if (x->node == NULL || y->node == NULL)
		return 0;
	return x->node->number < y->node->number ? -1 : 1;
}

/* The first needed library that makes the program one of the category. */
static const char *
find_library(const struct elf_facts *elf, enum audit_category category)
{
	size_t i, j;

	for (i = 0;
	     elf != NULL && elf->interpreter != NULL && i < elf->needed_count;
	     i++)
		for (j = 0; j < sizeof(libraries) / sizeof(libraries[0]); j++)
			if (libraries[j].category == category &&
			    strncmp(elf->needed[i], libraries[j].prefix,
				strlen(libraries[j].prefix)) == 0)
				return elf->needed[i];
	return NULL;
}

/* The categories that the content of a program gives. */
static unsigned
look_inside(const struct layer_entry *entry)
{
	unsigned categories = 0;
	int i;

	for (i = 0; i < MARKS; i++)
		if ((entry->marks & MARK_BIT(i)) != 0)
			categories |= mark_categories[i];
	for (i = 0; i < AUDIT_CATEGORIES; i++)
		if (find_library(entry->elf, (enum audit_category)i) != NULL)
			categories |= BIT(i);
	return categories;
}

/* Collects the programs, one element for all hard links of one. */
static void
collect_programs(struct audit_scan *s)
{
	uint32_t i, count = tree_count(s->tree);
	size_t from, to = 0;

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		if (!audit_keeps(s, n) || !is_program(n))
			continue;
		s->programs = mem_grow(s->programs, s->program_count,
		    &s->program_capacity, sizeof(*s->programs));
		s->programs[s->program_count++] =
		    (struct audit_program){.entry = n->entry, .node = n};
	}
	if (s->program_count == 0)
		return;
	qsort(s->programs, s->program_count, sizeof(*s->programs),
	    compare_programs);
	for (from = 1; from < s->program_count; from++)
		if (s->programs[from].entry != s->programs[to].entry)
			s->programs[++to] = s->programs[from];
	s->program_count = to + 1;
	for (from = 0; from < s->program_count; from++) {
		struct audit_program *program = &s->programs[from];

		program->inside = look_inside(program->entry);
		program->multicall =
		    (program->inside & BIT(AUDIT_MULTICALL)) != 0;
	}
}

/* The program that runs when the name `n` is executed, or NULL. */
static struct audit_program *
find_program(const struct audit_scan *s, const struct tree_node *n)
{
	struct audit_program key = {0};

	if (!audit_keeps(s, n))
		return NULL;
	n = tree_follow(s->tree, n);
	if (n == NULL || !audit_keeps(s, n) || !is_program(n) ||
	    s->program_count == 0)
		return NULL;
	key.entry = n->entry;
	return bsearch(&key, s->programs, s->program_count,
	    sizeof(*s->programs), compare_programs);
}

static bool
is_in_bin(const struct tree_node *n)
{
	static const char *const dirs[] = {"bin", "sbin", "libexec"};
	const struct tree_node *dir = n->parent;
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (dir->name_len == strlen(dirs[i]) &&
		    memcmp(dir->name, dirs[i], dir->name_len) == 0)
			return true;
	return false;
}

/*
 * What the name `n` of a program alone says, or -1.  Elsewhere than in a bin
 * scripts are named after what they are about (/etc/cron.daily/dpkg).
 */
static int
name_category(const struct audit_program *program, const struct tree_node *n)
{
	if (program->entry->script != NULL && !is_in_bin(n))
		return -1;
	return audit_name_category(n->name, n->name_len);
}

/* Tells each program what its names say about it. */
static void
name_programs(struct audit_scan *s)
{
	uint32_t i, count = tree_count(s->tree);

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);
		struct audit_program *program = find_program(s, n);
		int category;

		if (program == NULL)
			continue;
		if (audit_name_is_multicall(n->name, n->name_len))
			program->multicall = true;
		if (audit_name_is_applet(n->name, n->name_len) &&
		    ++program->applets > FARM_APPLETS)
			program->multicall = true;
		category = name_category(program, n);
		if (category == -1)
			continue;
		program->named |= BIT(category);
		if (program->names[category] == NULL)
			program->names[category] = n;
	}
}

void
audit_programs_init(struct audit_scan *s)
{
	collect_programs(s);
	name_programs(s);
}

void
audit_programs_clear(struct audit_scan *s)
{
	free(s->programs);
}

/* "GNU bash by content", "needs libpython3.11.so.1.0", or NULL. */
static char *
explain_inside(
    const struct audit_program *program, enum audit_category category)
{
	const struct layer_entry *entry = program->entry;
	const char *library;
	int i;

	/* BusyBox holds an ash, too: the last mark says it best. */
	for (i = MARKS - 1; i >= 0; i--)
		if ((entry->marks & MARK_BIT(i)) != 0 &&
		    (mark_categories[i] & BIT(category)) != 0)
			return mem_printf("%s%s%s", mark_name((enum mark)i),
			    i == MARK_PACKED ? ": its contents cannot be judged"
					     : " by content",
			    (entry->mode & 0111) == 0 ? ", not executable"
						      : "");
	library = find_library(entry->elf, category);
	return library == NULL ? NULL : mem_printf("needs %s", library);
}

/* Why the name `n` of a program has this category; NULL when it says so. */
static char *
explain_name(const struct audit_program *program, enum audit_category category,
    const struct tree_node *n)
{
	const struct tree_node *other = program->names[category];

	if (tree_node_type(n) == ENTRY_SYMLINK)
		return audit_path_text("symbolic link to ", program->node, "");
	if (name_category(program, n) == (int)category ||
	    (category == AUDIT_MULTICALL &&
		audit_name_is_multicall(n->name, n->name_len)))
		return NULL;
	if ((program->inside & BIT(category)) != 0)
		return explain_inside(program, category);
	if (other == NULL)
		return mem_printf("%u names of a multicall program lead here",
		    program->applets);
	if (tree_node_type(other) == ENTRY_SYMLINK)
		return audit_path_text(
		    "the symbolic link ", other, " leads here");
	return audit_path_text("the same file as ", other, "");
}

/*
 * Of a multicall program each link is one applet, and its first name is the
 * whole: a shell, unless the content is known to hold none.
 */
static unsigned
multicall_categories(
    const struct audit_program *program, const struct tree_node *n)
{
	int own = name_category(program, n);
	unsigned categories = own == -1 ? 0 : BIT(own);

	if (n != program->node)
		return categories;
	categories |= program->inside | BIT(AUDIT_MULTICALL);
	if (program->inside == 0 && program->applets > FARM_APPLETS)
		categories |= BIT(AUDIT_SHELL);
	return categories;
}

void
audit_program(struct audit_scan *s, const struct tree_node *n)
{
	const struct audit_program *program = find_program(s, n);
	unsigned categories, i;

	if (program == NULL)
		return;
	categories = program->multicall ? multicall_categories(program, n)
					: program->named | program->inside;
	for (i = 0; i < AUDIT_CATEGORIES; i++)
		if ((categories & BIT(i)) != 0)
			audit_add(s, (enum audit_category)i, n,
			    explain_name(program, (enum audit_category)i, n));
}
