#include "hints_private.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/glob.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* What makes a family matter. */
enum trigger {
	TRIGGER_LIBRARY, /* a kept library whose soname starts so */
	TRIGGER_KERBEROS,
	TRIGGER_ICONV,
	TRIGGER_LOCALE
};

/* Library directories of Debian, Fedora, Arch and Alpine. */
#define LIB "{,usr/}lib{,32,64,x32}/{,*-linux-gnu*/}"

static const struct family {
	const char *name; /* also that of the set */
	enum trigger trigger;
	const char *library; /* for TRIGGER_LIBRARY */
	const char *members; /* a pattern; NULL: nsswitch.conf says */
	const char *why;
} families[] = {
    {"nss", TRIGGER_LIBRARY, "libc.so.6", NULL, NULL},
    {"apr", TRIGGER_LIBRARY, "libaprutil-1.so", "/" LIB "apr-util-1/*.so",
	"APR has no drivers for databases, LDAP and encryption"},
    {"fontconfig", TRIGGER_LIBRARY, "libawt_headless.so",
	"/" LIB "libfontconfig.so.1*", "Java finds no fonts to draw text with"},
    {"gconv", TRIGGER_ICONV, NULL, "/" LIB "gconv/*.so",
	"iconv() converts between Unicode encodings only"},
    {"icu", TRIGGER_LIBRARY, "libicuuc.so", "/usr/share/icu/**/*.dat",
	"ICU has no collations and no locales"},
    {"imagemagick", TRIGGER_LIBRARY, "libMagickCore-",
	"/" LIB "ImageMagick-*/modules-*/coders/*.so",
	"ImageMagick reads and writes no format of images"},
    {"krb5", TRIGGER_KERBEROS, NULL, "/" LIB "krb5/plugins/**/*.so",
	"Kerberos has no plugins"},
    {"locales", TRIGGER_LOCALE, NULL,
	"/usr/lib{,64}/locale/{locale-archive,[!C]*/LC_CTYPE}",
	"setlocale() knows no locale but C and C.UTF-8"},
    {"locales", TRIGGER_LOCALE, NULL,
	"/usr/lib{,64}/locale/C.{utf8,UTF-8}/LC_CTYPE",
	"setlocale() does not know C.UTF-8"},
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

/* Services of an nsswitch.conf; real ones name under ten. */
#define MAX_SERVICES 50

/* Files that something kept opens: a family, or the modules of a service. */
struct watch {
	const char *family;
	char *because; /* what the hint begins with */
	struct glob *glob;
	/* Of the last component, as far as they are known. */
	char *start, *end;
	size_t start_len, end_len;
	uint32_t count, kept; /* of the source's files */
	const struct tree_node *example; /* the first */
};

struct watches {
	struct watch items[FAMILIES + MAX_SERVICES];
	size_t count;
};

bool
hints_are_ignored(const struct policy *p, const char *family)
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

/*
 * True when the file itself asks for Kerberos.  What NIS brings along (libnsl,
 * for libwrap, needs libtirpc) nobody configures.
 */
static bool
uses_kerberos(const struct elf_facts *elf)
{
	size_t i;

	if (has_prefix(elf->soname, "libtirpc.so") ||
	    has_prefix(elf->soname, "libgssapi_krb5.so"))
		return false;
	for (i = 0; i < elf->needed_count; i++)
		if (has_prefix(elf->needed[i], "libgssapi_krb5.so") ||
		    has_prefix(elf->needed[i], "libkrb5.so"))
			return true;
	return false;
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
	case TRIGGER_KERBEROS:
		return uses_kerberos(elf);
	case TRIGGER_LIBRARY:
		break;
	}
	return has_prefix(elf->soname, f->library);
}

/* The first kept file that makes each family matter, or NULL. */
static void
find_triggers(const struct selection *s, const struct tree_node **by)
{
	uint32_t i, count = tree_count(s->tree);
	size_t j;

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		if (tree_node_type(n) != ENTRY_FILE || n->entry->elf == NULL ||
		    !selection_keeps(s, n))
			continue;
		for (j = 0; j < FAMILIES; j++)
			if (by[j] == NULL &&
			    is_trigger(&families[j], n->entry->elf))
				by[j] = n;
	}
}

/*
 * How a name must begin and end to match the last component of the pattern, as
 * far as that says it literally; "" when the component is one of several.  A
 * group that ends with a slash has whole components: LIB is the only one.
 */
static void
take_literals(struct watch *watch, const char *pattern)
{
	const char *last = pattern, *end, *p;
	int depth = 0, depth_of_last = 0;

	for (p = pattern; *p != '\0'; p++) {
		depth += (*p == '{') - (*p == '}');
		if (*p == '/') {
			last = p[1] == '}' ? p + 2 : p + 1;
			depth_of_last = p[1] == '}' ? depth - 1 : depth;
		}
	}
	if (depth_of_last > 0)
		last = p;
	for (end = p; end > last && strchr("*?]}\\", end[-1]) == NULL;)
		end--;
	watch->start = mem_strndup(last, strcspn(last, "*?[{\\"));
	watch->start_len = strlen(watch->start);
	watch->end = mem_strdup(end);
	watch->end_len = strlen(end);
}

static bool
has_literals(const struct watch *watch, const struct tree_node *n)
{
	const char *end;

	if (n->name_len < watch->start_len || n->name_len < watch->end_len)
		return false;
	end = n->name + n->name_len - watch->end_len;
	return memcmp(n->name, watch->start, watch->start_len) == 0 &&
	    memcmp(end, watch->end, watch->end_len) == 0;
}

/* Takes `because`. */
static void
add_watch(
    struct watches *w, const char *family, const char *pattern, char *because)
{
	struct watch *watch = &w->items[w->count++];
	struct err ignored;

	*watch = (struct watch){.family = family, .because = because};
	take_literals(watch, pattern);
	/* The tables are tested, and services are plain names: it compiles. */
	(void)glob_compile(pattern, &watch->glob, NULL, &ignored);
}

static void
watch_family(
    struct watches *w, const struct family *f, const struct tree_node *by)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(by, &path);
	add_watch(w, f->name, f->members,
	    mem_printf("/%s: %s", strbuf_string(&path), f->why));
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

/* Watches for the modules of the services of a line. */
static void
watch_services(struct watches *w, const char *line)
{
	const char *service;
	size_t len;

	line += strcspn(line, ":\n#");
	if (*line++ != ':')
		return;
	while (w->count < MAX_SERVICES &&
	    (service = next_service(&line, &len)) != NULL && *service != '#' &&
	    strcspn(service, "*?[]{},\\/") >= len) {
		auto_free char *pattern = mem_printf(
		    "/" LIB "libnss_%.*s{.so.2,-*.so}", (int)len, service);

		add_watch(w, "nss", pattern,
		    mem_printf("/etc/nsswitch.conf names the service %.*s",
			(int)len, service));
	}
}

/*
 * NSS: modules that the kept nsswitch.conf names.  Without that file glibc
 * uses what is inside of it.
 */
static void
watch_nss(struct watches *w, const struct selection *s)
{
	const struct tree_node *n =
	    tree_resolve(s->tree, NULL, "etc/nsswitch.conf", 0, NULL, NULL);
	const char *line;
	size_t len = 0;

	if (n == NULL || !selection_keeps(s, n))
		return;
	line = tree_content(s->tree, "etc/nsswitch.conf", &len);
	while (line != NULL && *line != '\0') {
		watch_services(w, line);
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
}

/* Lists what is to be looked for. */
static void
make_watches(struct watches *w, const struct selection *s)
{
	const struct tree_node *by[FAMILIES] = {NULL};
	size_t i;

	find_triggers(s, by);
	for (i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];

		if (by[i] == NULL || hints_are_ignored(s->policy, f->name))
			continue;
		if (f->members == NULL)
			watch_nss(w, s);
		else
			watch_family(w, f, by[i]);
	}
}

static void
clear_watches(struct watches *w)
{
	while (w->count > 0) {
		struct watch *watch = &w->items[--w->count];

		free(watch->because);
		free(watch->start);
		free(watch->end);
		if (watch->glob != NULL)
			glob_free(watch->glob);
	}
}

/* Counts the file for those that look for it; `path` is room for its path. */
static void
count_file(struct watches *w, const struct tree_node *n, bool kept,
    struct strbuf *path)
{
	size_t i;

	strbuf_reset(path);
	for (i = 0; i < w->count; i++) {
		struct watch *watch = &w->items[i];

		/* Most names are none; their paths cost the most. */
		if (watch->glob == NULL || !has_literals(watch, n))
			continue;
		if (path->len == 0)
			tree_node_path(n, path);
		if (!glob_match(watch->glob, strbuf_string(path)))
			continue;
		watch->count++;
		watch->kept += kept;
		if (watch->example == NULL)
			watch->example = n;
	}
}

/* Counts all files once; links are others' names. */
static void
count_files(struct watches *w, const struct selection *s)
{
	uint32_t i, count = w->count == 0 ? 0 : tree_count(s->tree);
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		if (tree_node_type(n) == ENTRY_FILE)
			count_file(w, n, selection_keeps(s, n), &path);
	}
}

static void
push_hint(json_t *hints, const struct watch *w)
{
	auto_strbuf struct strbuf path;
	auto_free char *text = NULL;
	json_t *hint = json_object();

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(w->example, &path);
	text = mem_printf("%s: none of %u files like /%s is kept: add "
			  "\"include: [%s]\" or \"ignore_hints: [%s]\"",
	    w->because, w->count, strbuf_string(&path), w->family, w->family);
	json_put(hint, "family", json_string(w->family));
	json_put(hint, "files", json_integer(w->count));
	json_put(hint, "example", json_escaped(strbuf_string(&path)));
	json_put(hint, "text", json_escaped(text));
	json_push(hints, hint);
}

/* True when an earlier one has the same files: a service named again. */
static bool
is_repeated(const struct watches *w, const struct watch *watch)
{
	const struct watch *other;

	for (other = w->items; other != watch; other++)
		if (other->example == watch->example)
			return true;
	return false;
}

json_t *
hints_make(const struct selection *s, const json_t *config)
{
	json_t *hints = json_array();
	struct watches watches = {.count = 0};
	const struct watch *w;

	make_watches(&watches, s);
	count_files(&watches, s);
	for (w = watches.items; w < watches.items + watches.count; w++)
		/* What a policy keeps one of, it has chosen from. */
		if (w->count > 0 && w->kept == 0 && !is_repeated(&watches, w))
			push_hint(hints, w);
	clear_watches(&watches);
	hints_add_scripts(hints, s, config);
	return hints;
}
