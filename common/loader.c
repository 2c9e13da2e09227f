#include "loader.h"

#include <ctype.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "ldcache.h"
#include "ldconf.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

#define MUSL_PREFIX "ld-musl-"
/* Every lookup goes through them; real images configure under twenty. */
#define LOADER_MAX_CONFIGURED 1000
#define ARM_FLOAT_ABI (EF_ARM_ABI_FLOAT_HARD | EF_ARM_ABI_FLOAT_SOFT)

static const char *const hwcaps_none[] = {NULL};
static const char *const hwcaps_x86_64[] = {
    "x86-64-v4", "x86-64-v3", "x86-64-v2", NULL};
static const char *const hwcaps_power[] = {"power10", "power9", NULL};
static const char *const hwcaps_s390[] = {
    "z17", "z16", "z15", "z14", "z13", NULL};

/* What the ABI of a machine fixes, for libraries that name no interpreter. */
struct machine {
	uint16_t machine;
	uint8_t bits;
	bool big_endian;
	const char *interpreter; /* glibc's */
	const char *triplet; /* Debian's multiarch name */
	const char *platform;
	const char *const *hwcaps;
};

static const struct machine machines[] = {
    {EM_X86_64, 64, false, "/lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu",
	"x86_64", hwcaps_x86_64},
    {EM_X86_64, 32, false, "/libx32/ld-linux-x32.so.2", "x86_64-linux-gnux32",
	"x86_64", hwcaps_none},
    {EM_386, 32, false, "/lib/ld-linux.so.2", "i386-linux-gnu", "i686",
	hwcaps_none},
    {EM_AARCH64, 64, false, "/lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu",
	"aarch64", hwcaps_none},
    {EM_ARM, 32, false, "/lib/ld-linux-armhf.so.3", "arm-linux-gnueabihf",
	"v7l", hwcaps_none},
    {EM_PPC64, 64, false, "/lib64/ld64.so.2", "powerpc64le-linux-gnu", "power8",
	hwcaps_power},
    {EM_PPC64, 64, true, "/lib64/ld64.so.1", "powerpc64-linux-gnu", "power4",
	hwcaps_power},
    {EM_S390, 64, true, "/lib/ld64.so.1", "s390x-linux-gnu", "z900",
	hwcaps_s390},
    {EM_RISCV, 64, false, "/lib/ld-linux-riscv64-lp64d.so.1",
	"riscv64-linux-gnu", "", hwcaps_none},
    {EM_MIPS, 64, false, "/lib64/ld.so.1", "mips64el-linux-gnuabi64", "",
	hwcaps_none},
    {EM_MIPS, 32, false, "/lib/ld.so.1", "mipsel-linux-gnu", "", hwcaps_none},
    {EM_LOONGARCH, 64, false, "/lib64/ld-linux-loongarch-lp64d.so.1",
	"loongarch64-linux-gnu", "", hwcaps_none},
};

static const struct machine *
find_machine(const struct elf_facts *facts)
{
	size_t i;

	for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].machine == facts->machine &&
		    machines[i].bits == facts->bits &&
		    machines[i].big_endian == facts->big_endian)
			return &machines[i];
	return NULL;
}

static uint32_t
float_abi(const struct elf_facts *facts)
{
	return facts->machine == EM_ARM ? facts->flags & ARM_FLOAT_ABI : 0;
}

/* True for the same kind of object code. */
static bool
same_machine(const struct loader *l, const struct elf_facts *facts)
{
	uint32_t abi = float_abi(facts);

	/* Objects without floating point say neither hard nor soft. */
	if (abi != 0 && l->float_abi != 0 && abi != l->float_abi)
		return false;
	return l->bits == facts->bits && l->machine == facts->machine &&
	    l->big_endian == facts->big_endian;
}

bool
loader_accepts(const struct loader *l, const struct tree_node *n)
{
	if (tree_node_type(n) != ENTRY_FILE || n->entry->elf == NULL)
		return false;
	return n->entry->elf->type == ET_DYN && same_machine(l, n->entry->elf);
}

/* musl's loader in /lib for this machine, as an absolute path, or NULL. */
static char *
find_musl_interpreter(const struct tree *t, const struct loader *l)
{
	struct tree_node *lib, *n;

	lib = tree_resolve(t, NULL, "/lib", 0, NULL, NULL);
	for (n = lib == NULL ? NULL : lib->first; n != NULL; n = n->next) {
		auto_free char *path = NULL;
		struct tree_node *file;

		if (n->name_len <= strlen(MUSL_PREFIX) ||
		    strncmp(n->name, MUSL_PREFIX, strlen(MUSL_PREFIX)) != 0)
			continue;
		path = mem_printf("/lib/%.*s", (int)n->name_len, n->name);
		file = tree_resolve(t, NULL, path, 0, NULL, NULL);
		if (file != NULL && loader_accepts(l, file))
			return steal(&path);
	}
	return NULL;
}

/* True when the list names musl's library. */
static bool
asks_for_musl(const struct elf_facts *facts)
{
	size_t i;

	for (i = 0; i < facts->needed_count; i++)
		if (strncmp(facts->needed[i], "libc.musl-", 10) == 0 ||
		    strcmp(facts->needed[i], "libc.so") == 0)
			return true;
	return false;
}

/*
 * Which interpreter most likely runs the program that opens this library:
 * musl's where the image has it and the library asks for it, or where there
 * is no other.
 */
static char *
guess_interpreter(
    const struct tree *t, const struct loader *l, const struct machine *m)
{
	auto_free char *musl = find_musl_interpreter(t, l);

	if (musl != NULL &&
	    (l->asks_for_musl || m == NULL ||
		tree_resolve(t, NULL, m->interpreter, 0, NULL, NULL) == NULL))
		return steal(&musl);
	return m == NULL ? NULL : mem_strdup(m->interpreter);
}

static void
add_dir(struct loader *l, const char *dir, size_t len)
{
	l->dirs = mem_realloc(l->dirs, l->dir_count + 1, sizeof(*l->dirs));
	l->dirs[l->dir_count++] = mem_strndup(dir, len);
}

/* Adds a directory that the image configures. */
static void
add_configured(void *arg, const char *dir, size_t len)
{
	struct loader *l = arg;

	if (l->dir_count < LOADER_MAX_CONFIGURED)
		add_dir(l, dir, len);
}

/* Adds /NAME and /usr/NAME. */
static void
add_pair(struct loader *l, const char *name)
{
	auto_free char *usr = mem_printf("/usr/%s", name);

	add_dir(l, usr + strlen("/usr"), strlen(name) + 1);
	add_dir(l, usr, strlen(usr));
}

/* True when the image has /lib/NAME or /usr/lib/NAME. */
static bool
has_lib_dir(const struct tree *t, const char *name)
{
	auto_free char *usr = mem_printf("/usr/lib/%s", name);

	return tree_resolve(t, NULL, usr, 0, NULL, NULL) != NULL ||
	    tree_resolve(t, NULL, usr + strlen("/usr"), 0, NULL, NULL) != NULL;
}

/*
 * glibc's directories are built in.  Where the interpreter really lies tells
 * how this one was built: /usr/lib/TRIPLET (Debian), /usr/lib64 (Fedora),
 * /usr/lib (Arch).  Debian's, copied to /lib64 into an otherwise empty image,
 * is told by the directory of its libraries, which nobody else has.
 */
static void
set_glibc_dirs(struct loader *l, const struct tree *t, const struct machine *m)
{
	auto_strbuf struct strbuf path;
	const char *base = NULL;

	strbuf_init(&path, LIMIT_PATH);
	if (l->node != NULL && l->node->parent != NULL) {
		tree_node_path(l->node->parent, &path);
		base = path_base(strbuf_string(&path));
	} else if (m != NULL) {
		base = m->triplet;
	}
	if (m != NULL && (base == NULL || strstr(base, "-linux-") == NULL) &&
	    has_lib_dir(t, m->triplet))
		base = m->triplet;
	if (base != NULL && strstr(base, "-linux-") != NULL)
		l->lib = mem_printf("lib/%s", base);
	else if (base != NULL && strncmp(base, "lib", 3) == 0)
		l->lib = mem_strdup(base);
	else
		l->lib = mem_strdup(l->bits == 64 ? "lib64" : "lib");
	add_pair(l, l->lib);
	if (l->node == NULL && l->bits == 64)
		add_pair(l, "lib64");
	if (l->node == NULL || strchr(l->lib, '/') != NULL)
		add_pair(l, "lib");
}

static void
set_musl_dirs(struct loader *l, const struct tree *t)
{
	const char *arch = path_base(l->interpreter) + strlen(MUSL_PREFIX);
	auto_free char *name = mem_strndup(arch, strcspn(arch, "."));

	l->lib = mem_strdup("lib");
	ldconf_read_musl(t, name, add_configured, l);
	l->config = mem_printf(LDCONF_MUSL_PATH, name);
}

struct loader *
loader_new(const struct tree *t, const struct elf_facts *facts)
{
	const struct machine *m = find_machine(facts);
	struct loader *l = mem_zalloc(1, sizeof(*l));

	l->bits = facts->bits;
	l->big_endian = facts->big_endian;
	l->machine = facts->machine;
	l->float_abi = float_abi(facts);
	l->named = facts->interpreter != NULL;
	l->asks_for_musl = asks_for_musl(facts);
	l->platform = m == NULL ? "" : m->platform;
	l->hwcaps = m == NULL ? hwcaps_none : m->hwcaps;
	l->interpreter = facts->interpreter != NULL
	    ? mem_strdup(facts->interpreter)
	    : guess_interpreter(t, l, m);
	if (l->interpreter != NULL) {
		l->node = tree_resolve(t, NULL, l->interpreter, 0, NULL, NULL);
		if (strncmp(path_base(l->interpreter), MUSL_PREFIX,
			strlen(MUSL_PREFIX)) == 0)
			l->kind = LOADER_MUSL;
	}
	if (l->kind == LOADER_MUSL) {
		l->hwcaps = hwcaps_none;
		set_musl_dirs(l, t);
	} else {
		l->config = mem_strdup(LDCACHE_PATH);
		ldconf_read_glibc(t, add_configured, l);
		l->configured = l->dir_count;
		set_glibc_dirs(l, t, m);
	}
	return l;
}

void
loader_free(struct loader *l)
{
	mem_free_strings(l->dirs, l->dir_count);
	free(l->interpreter);
	free(l->config);
	free(l->lib);
	free(l);
}

bool
loader_fits(const struct loader *l, const struct elf_facts *facts)
{
	if (!same_machine(l, facts) || l->float_abi != float_abi(facts) ||
	    l->named != (facts->interpreter != NULL))
		return false;
	return l->named ? strcmp(l->interpreter, facts->interpreter) == 0
			: l->asks_for_musl == asks_for_musl(facts);
}

bool
loader_is_own_name(const struct loader *l, const char *name)
{
	static const char *const own[] = {
	    "c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."};
	size_t i;

	if (l->kind != LOADER_MUSL || strncmp(name, "lib", 3) != 0)
		return false;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strncmp(name + 3, own[i], strlen(own[i])) == 0)
			return true;
	return false;
}

/* The length of the token at `text` ("$ORIGIN" or "${ORIGIN}"), or 0. */
static size_t
match_token(const char *text, size_t len, const char *name)
{
	size_t name_len = strlen(name), end = 1 + name_len;

	if (len > 2 + name_len && text[1] == '{' &&
	    strncmp(text + 2, name, name_len) == 0 && text[end + 1] == '}')
		return end + 2;
	if (len < end || strncmp(text + 1, name, name_len) != 0)
		return 0;
	if (len > end &&
	    (isalnum((unsigned char)text[end]) || text[end] == '_'))
		return 0;
	return end;
}

bool
loader_expand(const struct loader *l, const char *text, size_t len,
    const char *origin, struct strbuf *out)
{
	const struct {
		const char *name, *value;
	} tokens[] = {
	    {"ORIGIN", origin}, {"LIB", l->lib}, {"PLATFORM", l->platform}};
	/* musl knows $ORIGIN only and ignores the path with any other. */
	size_t known = l->kind == LOADER_MUSL ? 1 : 3;
	size_t at = 0, i, token = 0;

	while (at < len) {
		for (i = 0; text[at] == '$' && i < known; i++) {
			token =
			    match_token(text + at, len - at, tokens[i].name);
			if (token > 0)
				break;
		}
		if (text[at] == '$' && i < known) {
			if (tokens[i].value == NULL)
				return false;
			strbuf_add_string(out, tokens[i].value);
			at += token;
			continue;
		}
		if (text[at] == '$' && l->kind == LOADER_MUSL)
			return false;
		strbuf_add_char(out, text[at++]);
	}
	return !out->overflow;
}
