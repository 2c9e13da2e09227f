/*
 * Strings by which programs are known, and the search for all at once.
 *
 * A marker is a message or usage line that the program has had for many
 * years and that programs which merely know of it (completions, parsers,
 * scanners) do not contain.
 */
#include <string.h>

#include "marks_private.h"

static const struct {
	enum mark mark;
	const char *text;
} markers[] = {
    {MARK_BASH, "GNU bash, version "},
    {MARK_ASH, "Illegal number: %s"},
    {MARK_ZSH, "zwc file has wrong version"},
    {MARK_MKSH, "inaccessible or not found"},
    {MARK_PDKSH, "@(#)PD KSH v5.2.14"},
    {MARK_PDKSH, "remove_job: job not found"},
    {MARK_KSH93, "is a shell builtin version of"},
    {MARK_YASH, "Yet another shell, version"},
    {MARK_CSH, "Can't suspend a login shell (yet)"},
    {MARK_FISH, "fish_default_key_bindings"},
    {MARK_ELVISH, "src.elv.sh/pkg/shell"},
    {MARK_RC, "rc: cannot shift"},
    {MARK_RC, "Too many traps (trap"},
    {MARK_SASH, "Stand-alone shell (version"},
    {MARK_TOYSH, "(noprofile)(norc)sc"},
    {MARK_BUSYBOX, "BusyBox is a multi-call binary"},
    {MARK_TOYBOX, "Toybox %s multicall"},
    {MARK_COREUTILS, "--coreutils-prog="},
    {MARK_UUTILS, "(multi-call binary)"},
    {MARK_DPKG, "package management program version"},
    {MARK_APK, "Go and fetch your own coffee."},
    {MARK_PERL, "This is perl 5, version "},
    {MARK_PYTHON, "Consider setting $PYTHONHOME"},
    {MARK_LUA, "usage: %s [options] [script [args]]"},
    {MARK_LUA, "[options]... [script [args]"},
    {MARK_PHP, "PHP_INI_SCAN_DIR"},
    {MARK_NODE, "NODE_REPL_HISTORY"},
    {MARK_RUBY, "RUBY_GC_HEAP_GROWTH_FACTOR"},
    {MARK_GDB, "This GDB was configured as"},
    {MARK_CURL, "Usage: curl [options...] <url>"},
    {MARK_WGET, "Usage: %s [OPTION]... [URL]..."},
};
#define MARKERS (sizeof(markers) / sizeof(markers[0]))
#define LANES 4

static const char *const names[MARKS] = {
    [MARK_BASH] = "GNU bash",
    [MARK_ASH] = "an Almquist shell (dash, ash)",
    [MARK_ZSH] = "zsh",
    [MARK_MKSH] = "mksh",
    [MARK_PDKSH] = "a pdksh (oksh, posh)",
    [MARK_KSH93] = "ksh93",
    [MARK_YASH] = "yash",
    [MARK_CSH] = "csh",
    [MARK_FISH] = "fish",
    [MARK_ELVISH] = "elvish",
    [MARK_RC] = "rc",
    [MARK_SASH] = "sash",
    [MARK_TOYSH] = "toysh",
    [MARK_BUSYBOX] = "BusyBox",
    [MARK_TOYBOX] = "toybox",
    [MARK_COREUTILS] = "GNU coreutils in one file",
    [MARK_UUTILS] = "uutils coreutils",
    [MARK_DPKG] = "dpkg",
    [MARK_APK] = "apk",
    [MARK_PERL] = "Perl",
    [MARK_PYTHON] = "Python",
    [MARK_LUA] = "Lua",
    [MARK_PHP] = "PHP",
    [MARK_NODE] = "Node.js",
    [MARK_RUBY] = "Ruby",
    [MARK_GDB] = "GDB",
    [MARK_CURL] = "curl",
    [MARK_WGET] = "Wget",
    [MARK_PRIVATE_KEY] = "private key",
    [MARK_PACKED] = "UPX",
};

const char *
mark_name(enum mark mark)
{
	return names[mark];
}

static unsigned
slot_of(const char *pair)
{
	unsigned a = (unsigned char)pair[0], b = (unsigned char)pair[1];

	return (a << 5 ^ b) % MARKER_SLOTS;
}

void
marks_tables_init(struct marks_tables *t)
{
	size_t i, at;

	/* A pair that no marker has: the window moves past its first byte. */
	memset(t->skip, MARKER_MIN - 1, sizeof(t->skip));
	memset(t->first, MARKERS_MAX, sizeof(t->first));
	for (i = 0; i < MARKERS; i++) {
		const char *text = markers[i].text;
		unsigned last = slot_of(text + MARKER_MIN - 2);

		for (at = 0; at + 2 <= MARKER_MIN; at++) {
			uint8_t *skip = &t->skip[slot_of(text + at)];

			if (*skip > MARKER_MIN - 2 - at)
				*skip = (uint8_t)(MARKER_MIN - 2 - at);
		}
		t->next[i] = t->first[last];
		t->first[last] = (uint8_t)i;
	}
}

/* The marks of those markers that start at `data`. */
static uint32_t
compare_markers(
    const struct marks_tables *t, unsigned slot, const char *data, size_t len)
{
	uint32_t found = 0;
	uint8_t i;

	for (i = t->first[slot]; i != MARKERS_MAX; i = t->next[i]) {
		size_t marker_len = strlen(markers[i].text);

		if (marker_len <= len &&
		    memcmp(markers[i].text, data, marker_len) == 0)
			found |= MARK_BIT(markers[i].mark);
	}
	return found;
}

/*
 * Looks at one place; returns how far the next one is.  `at` is that of the
 * last pair of a window.
 */
static inline size_t
look(const struct marks_tables *t, const char *data, size_t len, size_t at,
    uint32_t *found)
{
	unsigned slot = slot_of(data + at);
	size_t start = at - (MARKER_MIN - 2);

	if (t->skip[slot] > 0)
		return t->skip[slot];
	*found |= compare_markers(t, slot, data + start, len - start);
	return 1;
}

uint32_t
marks_search(const struct marks_tables *t, const char *data, size_t len)
{
	size_t at[LANES], end[LANES], i, first = MARKER_MIN - 2;
	uint32_t found = 0;

	if (len < MARKER_MIN)
		return 0;
	/* A step waits for the last one: lanes that do not wait for others. */
	for (i = 0; i < LANES; i++) {
		at[i] = i == 0 ? first : end[i - 1];
		end[i] = first + (len - 1 - first) * (i + 1) / LANES;
	}
	while (at[0] < end[0] && at[1] < end[1] && at[2] < end[2] &&
	    at[3] < end[3])
		for (i = 0; i < LANES; i++)
			at[i] += look(t, data, len, at[i], &found);
	for (i = 0; i < LANES; i++)
		while (at[i] < end[i])
			at[i] += look(t, data, len, at[i], &found);
	return found;
}
