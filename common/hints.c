#include "hints.h"

#include <string.h>

#include "winnow/glob.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* What makes a family matter. */
enum trigger {
	TRIGGER_LIBRARY, /* a kept library whose soname starts so */
	TRIGGER_ICONV,
	TRIGGER_LOCALE
};

/* Library directories of Debian, Fedora, Arch and Alpine. */
#define LIB "{,usr/}lib{,32,64,x32}/{,*-linux-gnu*/}"

static const struct family {
	const char *name; /* also that of the set */
	enum trigger trigger;
	const char *library; /* for TRIGGER_LIBRARY */
	const char *members; /* a pattern */
	const char *why;
} families[] = {
    {"gconv", TRIGGER_ICONV, NULL, "/" LIB "gconv/*.so",
	"iconv() converts between Unicode encodings only"},
    {"icu", TRIGGER_LIBRARY, "libicuuc.so", "/usr/share/icu/**/*.dat",
	"ICU has no collations and no locales"},
    {"krb5", TRIGGER_LIBRARY, "libkrb5.so", "/" LIB "krb5/plugins/**/*.so",
	"Kerberos has no plugins"},
    {"locales", TRIGGER_LOCALE, NULL,
	"/usr/lib{,64}/locale/{locale-archive,[!C]*/LC_CTYPE}",
	"setlocale() knows no locale but C and C.UTF-8"},
    {"mesa", TRIGGER_LIBRARY, "libEGL", "/" LIB "dri/*_dri.so",
	"OpenGL has no drivers"},
    {"mesa", TRIGGER_LIBRARY, "libva.so", "/" LIB "dri/*_drv_video.so",
	"VA-API has no drivers"},
    {"openssl", TRIGGER_LIBRARY, "libcrypto.so",
	"/{" LIB "ossl-modules/*.so,etc/{ssl,pki/tls}/openssl.cnf}",
	"OpenSSL has no configuration and no further providers"},
    {"pam", TRIGGER_LIBRARY, "libpam.so", "/" LIB "security/pam_*.so",
	"no login by PAM succeeds"},
    {"sasl", TRIGGER_LIBRARY, "libsasl2.so", "/" LIB "sasl2/*.so",
	"SASL has no mechanisms"},
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* Members of a family in the source. */
struct members {
	uint32_t count, kept;
	const struct tree_node *example; /* the first */
};

static bool
is_ignored(const struct policy *p, const char *family)
{
	size_t i;

	for (i = 0; i < p->ignored_hint_count; i++)
		if (strcmp(p->ignored_hints[i], family) == 0)
			return true;
	return false;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return text != NULL && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* True when the kept file makes the family matter. */
static bool
is_trigger(const struct family *f, const struct elf_facts *elf)
{
	/* The C library defines these; most others are content with UTF-8. */
	if (f->trigger != TRIGGER_LIBRARY && has_prefix(elf->soname, "libc."))
		return false;
	switch (f->trigger) {
	case TRIGGER_ICONV:
		return elf->uses_iconv &&
		    (elf->interpreter != NULL ||
			has_prefix(elf->soname, "libxml2."));
	case TRIGGER_LOCALE:
		return elf->uses_locale && elf->interpreter != NULL;
	case TRIGGER_LIBRARY:
		break;
	}
	return has_prefix(elf->soname, f->library);
}

/* The first kept file that makes the family matter, or NULL. */
static const struct tree_node *
find_trigger(const struct selection *s, const struct family *f)
{
	uint32_t i, count = tree_count(s->tree);

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		if (tree_node_type(n) == ENTRY_FILE && n->entry->elf != NULL &&
		    selection_keeps(s, n) && is_trigger(f, n->entry->elf))
			return n;
	}
	return NULL;
}

/*
 * How a name must begin to match the last component of the pattern, as far as
 * that says it literally; not at all when the component is one of several.  A
 * group that ends with a slash has whole components: LIB is the only one.
 */
static const char *
last_literal(const char *pattern, size_t *len)
{
	const char *last = pattern, *p;
	int depth = 0, depth_of_last = 0;

	for (p = pattern; *p != '\0'; p++) {
		depth += (*p == '{') - (*p == '}');
		if (*p == '/') {
			last = p[1] == '}' ? p + 2 : p + 1;
			depth_of_last = p[1] == '}' ? depth - 1 : depth;
		}
	}
	*len = depth_of_last == 0 ? strcspn(last, "*?[{\\") : 0;
	return last;
}

/* Counts what matches the pattern; links are others' names. */
static void
count_members(const struct selection *s, const char *pattern, struct members *m)
{
	auto_glob struct glob *glob = NULL;
	auto_strbuf struct strbuf path;
	struct err ignored;
	const char *start;
	size_t len;
	uint32_t i;

	strbuf_init(&path, LIMIT_PATH + 1);
	start = last_literal(pattern, &len);
	/* The tables are tested: they compile. */
	if (glob_compile(pattern, &glob, NULL, &ignored) == -1)
		return;
	for (i = 0; i < tree_count(s->tree); i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		/* Most names are none; their paths cost the most. */
		if (n->name_len < len || memcmp(n->name, start, len) != 0 ||
		    tree_node_type(n) != ENTRY_FILE)
			continue;
		tree_node_path(n, &path);
		if (!glob_match(glob, strbuf_string(&path)))
			continue;
		m->count++;
		m->kept += selection_keeps(s, n);
		if (m->example == NULL)
			m->example = n;
	}
}

static void
push_hint(json_t *hints, const char *family, const char *because,
    const struct members *m)
{
	auto_strbuf struct strbuf path;
	auto_free char *text = NULL;
	json_t *hint = json_object();

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(m->example, &path);
	text = mem_printf("%s: none of %u files like /%s is kept: add "
			  "\"include: [%s]\" or \"ignore_hints: [%s]\"",
	    because, m->count, strbuf_string(&path), family, family);
	json_put(hint, "family", json_string(family));
	json_put(hint, "files", json_integer(m->count));
	json_put(hint, "example", json_escaped(strbuf_string(&path)));
	json_put(hint, "text", json_escaped(text));
	json_push(hints, hint);
}

static void
put_family(json_t *hints, const struct selection *s, const struct family *f)
{
	const struct tree_node *by;
	auto_strbuf struct strbuf path;
	auto_free char *because = NULL;
	struct members m = {0};

	strbuf_init(&path, LIMIT_PATH + 1);
	if (is_ignored(s->policy, f->name))
		return;
	by = find_trigger(s, f);
	if (by == NULL)
		return;
	count_members(s, f->members, &m);
	/* What a policy keeps one of, it has chosen from. */
	if (m.count == 0 || m.kept > 0)
		return;
	tree_node_path(by, &path);
	because = mem_printf("/%s: %s", strbuf_string(&path), f->why);
	push_hint(hints, f->name, because, &m);
}

/* True when there is a hint about the node already. */
static bool
has_hint(const json_t *hints, const struct tree_node *n)
{
	auto_strbuf struct strbuf path;
	const json_t *hint;
	size_t i;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	json_array_foreach(hints, i, hint)
	{
		if (strcmp(json_string_value(json_object_get(hint, "example")),
			strbuf_string(&path)) == 0)
			return true;
	}
	return false;
}

/* The next service of nsswitch.conf(5), without databases and actions. */
static const char *
next_service(const char **cursor, size_t *len)
{
	const char *start;

	for (;;) {
		*cursor += strspn(*cursor, " \t");
		start = *cursor;
		if (*start == '\n' || *start == '\0')
			return NULL;
		if (*start == '[') {
			*cursor += strcspn(*cursor, "]\n");
			*cursor += **cursor == ']';
			continue;
		}
		*len = strcspn(start, " \t\n[");
		*cursor += *len;
		return start;
	}
}

/* One hint for each service of a line whose module is not kept. */
static void
put_services(json_t *hints, const struct selection *s, const char *line)
{
	const char *service;
	size_t len;

	line += strcspn(line, ":\n#");
	if (*line++ != ':')
		return;
	while ((service = next_service(&line, &len)) != NULL &&
	    *service != '#' && strcspn(service, "*?[]{},\\/") >= len) {
		auto_free char *name = mem_strndup(service, len);
		auto_free char *pattern =
		    mem_printf("/" LIB "libnss_%s{.so.2,-*.so}", name);
		auto_free char *because =
		    mem_printf("/etc/nsswitch.conf names the service %s", name);
		struct members m = {0};

		count_members(s, pattern, &m);
		if (m.count > 0 && m.kept == 0 && !has_hint(hints, m.example))
			push_hint(hints, "nss", because, &m);
	}
}

/*
 * NSS: modules that the kept nsswitch.conf names.  Without that file glibc
 * uses what is inside of it.
 */
static void
put_nss(json_t *hints, const struct selection *s)
{
	static const struct family libc = {
	    .trigger = TRIGGER_LIBRARY, .library = "libc.so.6"};
	const struct tree_node *n =
	    tree_resolve(s->tree, NULL, "etc/nsswitch.conf", 0, NULL, NULL);
	const char *line;
	size_t len = 0;

	if (is_ignored(s->policy, "nss") || n == NULL ||
	    !selection_keeps(s, n) || find_trigger(s, &libc) == NULL)
		return;
	line = tree_content(s->tree, "etc/nsswitch.conf", &len);
	while (line != NULL && *line != '\0') {
		put_services(hints, s, line);
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
}

void
hints_put(json_t *report, const struct selection *s)
{
	json_t *hints = json_array();
	size_t i;

	put_nss(hints, s);
	for (i = 0; i < FAMILIES; i++)
		put_family(hints, s, &families[i]);
	json_put(report, "hints", hints);
}
