/*
 * dpkg's databases: deb822 paragraphs in var/lib/dpkg/status, or one per file
 * in var/lib/dpkg/status.d; lists of paths and md5sums beside them.
 */
#include <stdlib.h>
#include <string.h>

#include "pkgdb_internal.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define STATUS "var/lib/dpkg/status"
#define STATUS_D "var/lib/dpkg/status.d"
#define INFO "var/lib/dpkg/info"

/* An md5sums line: 32 hex digits, two spaces, a path without a slash. */
#define MD5_DIGITS 32
#define MD5_PREFIX (MD5_DIGITS + 2)

/* The fields of one paragraph that matter here; borrowed. */
struct paragraph {
	const char *start;
	size_t len; /* with its last newline, without the blank line */
	unsigned line;
	struct field {
		const char *text;
		size_t len;
	} package, version, architecture, status;
};

/* Stores the value of `line` when it is the field called `name`. */
static void
take_field(const char *line, size_t len, const char *name, struct field *field)
{
	size_t name_len = strlen(name);

	if (len <= name_len || line[name_len] != ':' ||
	    strncasecmp(line, name, name_len) != 0)
		return;
	line += name_len + 1;
	len -= name_len + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
		len--;
	field->text = line;
	field->len = len;
}

static bool
is_blank(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/*
 * Reads the next paragraph: 1, 0 at the end, -1 for a line that is neither a
 * field nor a continuation.
 */
static int
next_paragraph(struct pkgdb_lines *lines, const char *path, struct paragraph *p,
    struct err *e)
{
	const char *line;
	size_t len;

	*p = (struct paragraph){0};
	while (pkgdb_lines_next(lines, &line, &len)) {
		if (is_blank(line, len)) {
			if (p->start != NULL)
				return 1;
			continue;
		}
		if (p->start == NULL) {
			p->start = line;
			p->line = lines->number;
		}
		p->len = (size_t)(lines->next - p->start);
		if (*line == ' ' || *line == '\t' || *line == '#')
			continue;
		if (memchr(line, ':', len) == NULL)
			return err_set(e, ERR_INVALID,
			    "%s:%u: neither a field nor a continuation", path,
			    lines->number);
		take_field(line, len, "Package", &p->package);
		take_field(line, len, "Version", &p->version);
		take_field(line, len, "Architecture", &p->architecture);
		take_field(line, len, "Status", &p->status);
	}
	return p->start != NULL;
}

/* False for what was removed and left its configuration behind. */
static bool
is_installed(const struct paragraph *p)
{
	const struct field *s = &p->status;

	return s->text == NULL ||
	    (memmem(s->text, s->len, "deinstall", 9) == NULL &&
		memmem(s->text, s->len, "purge", 5) == NULL &&
		memmem(s->text, s->len, "not-installed", 13) == NULL);
}

static bool
is_md5_line(const char *line, size_t len)
{
	size_t i;

	if (len <= MD5_PREFIX || line[MD5_DIGITS] != ' ' ||
	    line[MD5_DIGITS + 1] != ' ' || line[MD5_PREFIX] == '/')
		return false;
	for (i = 0; i < MD5_DIGITS; i++)
		if (strchr("0123456789abcdefABCDEF", line[i]) == NULL)
			return false;
	return true;
}

/* The content of a database file, or NULL; *path is made by the caller. */
static const char *
find_content(const struct pkgdb *db, const char *path, size_t *len)
{
	return path == NULL ? NULL : tree_content(db->tree, path, len);
}

/*
 * The path of the package's file in info/ with this suffix: named after the
 * package or, where several architectures can be installed, package:arch.
 * NULL when there is none.
 */
static char *
info_path(const struct pkgdb *db, const struct package *p, const char *suffix)
{
	auto_free char *plain = mem_printf(INFO "/%s.%s", p->name, suffix);
	auto_free char *with_arch = NULL;
	size_t len;

	if (find_content(db, plain, &len) != NULL)
		return steal(&plain);
	if (p->architecture == NULL)
		return NULL;
	with_arch =
	    mem_printf(INFO "/%s:%s.%s", p->name, p->architecture, suffix);
	if (find_content(db, with_arch, &len) == NULL)
		return NULL;
	return steal(&with_arch);
}

/* Adds the files of a list, or without one those of the md5sums. */
static void
read_files(const struct pkgdb *db, struct package *p)
{
	auto_free char *list = NULL;
	const char *text, *line;
	struct pkgdb_lines lines;
	size_t len;

	if (p->form == PKGDB_STATUS)
		list = info_path(db, p, "list");
	text = find_content(db, list != NULL ? list : p->md5sums, &len);
	if (text == NULL)
		return;
	pkgdb_lines_init(&lines, text, len);
	while (pkgdb_lines_next(&lines, &line, &len)) {
		if (list != NULL)
			pkgdb_add_file(db, p, line, len);
		else if (is_md5_line(line, len))
			pkgdb_add_file(
			    db, p, line + MD5_PREFIX, len - MD5_PREFIX);
	}
}

static bool
is_package_name(const struct field *f)
{
	return f->text != NULL && f->len > 0 && f->len <= LIMIT_COMPONENT &&
	    memchr(f->text, '/', f->len) == NULL &&
	    memchr(f->text, '\0', f->len) == NULL;
}

static int
add_paragraph(struct pkgdb *db, enum pkgdb_form form, const char *path,
    const struct paragraph *from, struct err *e)
{
	struct package *p;

	if (!is_package_name(&from->package))
		return err_set(e, ERR_INVALID,
		    "%s:%u: a paragraph without a usable Package field", path,
		    from->line);
	if (!is_installed(from))
		return 0;
	p = pkgdb_add_package(db);
	p->form = form;
	p->name = mem_strndup(from->package.text, from->package.len);
	p->version = from->version.text == NULL
	    ? mem_strdup("")
	    : mem_strndup(from->version.text, from->version.len);
	if (from->architecture.text != NULL)
		p->architecture = mem_strndup(
		    from->architecture.text, from->architecture.len);
	p->database = mem_strdup(path);
	p->record = from->start;
	p->record_len = from->len;
	if (form == PKGDB_STATUS)
		p->md5sums = info_path(db, p, "md5sums");
	else
		p->md5sums = mem_printf("%s.md5sums", path);
	read_files(db, p);
	return 0;
}

static int
read_database(
    struct pkgdb *db, enum pkgdb_form form, const char *path, struct err *e)
{
	struct pkgdb_lines lines;
	struct paragraph paragraph;
	const char *text;
	size_t len;
	int more;

	text = find_content(db, path, &len);
	if (text == NULL)
		return 0;
	pkgdb_lines_init(&lines, text, len);
	while ((more = next_paragraph(&lines, path, &paragraph, e)) == 1)
		if (add_paragraph(db, form, path, &paragraph, e) == -1)
			return -1;
	return more;
}

static bool
has_suffix(const struct tree_node *n, const char *suffix)
{
	size_t len = strlen(suffix);

	return n->name_len >= len &&
	    memcmp(n->name + n->name_len - len, suffix, len) == 0;
}

int
pkgdb_read_dpkg(struct pkgdb *db, struct err *e)
{
	const struct tree_node *dir, *n;

	if (read_database(db, PKGDB_STATUS, STATUS, e) == -1)
		return -1;
	dir = tree_resolve(db->tree, NULL, STATUS_D, 0, NULL, NULL);
	if (dir == NULL)
		return 0;
	for (n = dir->first; n != NULL; n = n->next) {
		auto_free char *path = NULL;

		if (has_suffix(n, ".md5sums"))
			continue;
		path = mem_printf(STATUS_D "/%.*s", (int)n->name_len, n->name);
		if (read_database(db, PKGDB_STATUS_D, path, e) == -1)
			return -1;
	}
	return 0;
}

/*
 * True for the line of a kept file.  Those of directories go: which of them
 * stay is not known yet, and dpkg does without.
 */
static bool
keeps_list_line(const struct pkgdb_output *o, const char *line, size_t line_len)
{
	const struct tree_node *n = pkgdb_node(o->db, line, line_len);

	return n != NULL && tree_node_type(n) != ENTRY_DIRECTORY &&
	    (o->kept[n->number] || o->listed[n->number]);
}

/* The same; scanners give up on a line of another form. */
static bool
keeps_md5_line(const struct pkgdb_output *o, const char *line, size_t line_len)
{
	return is_md5_line(line, line_len) &&
	    keeps_list_line(o, line + MD5_PREFIX, line_len - MD5_PREFIX);
}

/* Lists the file at `path`, if it is there, cut down to the lines to keep. */
static void
filter_lines(struct pkgdb_output *o, const char *path,
    bool (*keeps)(
	const struct pkgdb_output *o, const char *line, size_t line_len))
{
	auto_strbuf struct strbuf out;
	struct pkgdb_lines lines;
	const char *text, *line;
	size_t len;

	strbuf_init(&out, LIMIT_INDEXED_CONTENT + 1);
	text = find_content(o->db, path, &len);
	if (text == NULL)
		return;
	pkgdb_lines_init(&lines, text, len);
	while (pkgdb_lines_next(&lines, &line, &len)) {
		if (!keeps(o, line, len))
			continue;
		strbuf_add(&out, line, len);
		strbuf_add_char(&out, '\n');
	}
	pkgdb_output_content(o, path, &out);
}

/* Lists what belongs to a surviving package; its paragraph goes to `status`.
 */
static void
filter_package(const struct pkgdb *db, const struct package *p,
    struct strbuf *status, struct pkgdb_output *o)
{
	auto_free char *copyright =
	    mem_printf("usr/share/doc/%s/copyright", p->name);
	auto_free char *list = NULL;

	pkgdb_output_path(o, copyright);
	filter_lines(o, p->md5sums, keeps_md5_line);
	if (p->form == PKGDB_STATUS_D) {
		pkgdb_output_path(o, p->database);
		return;
	}
	list = info_path(db, p, "list");
	filter_lines(o, list, keeps_list_line);
	strbuf_add(status, p->record, p->record_len);
	if (p->record[p->record_len - 1] != '\n')
		strbuf_add_char(status, '\n');
	strbuf_add_char(status, '\n');
}

void
pkgdb_filter_dpkg(const struct pkgdb *db, struct pkgdb_output *o)
{
	auto_strbuf struct strbuf status;
	size_t i, len;

	/* Each paragraph can grow by its missing last newline and blank line.
	 */
	strbuf_init(&status, LIMIT_INDEXED_CONTENT + 2);
	for (i = 0; i < db->count; i++)
		if (db->packages[i].form != PKGDB_APK &&
		    pkgdb_survives(db, i, o->kept))
			filter_package(db, &db->packages[i], &status, o);
	if (find_content(db, STATUS, &len) == NULL)
		return;
	pkgdb_output_content(o, STATUS, &status);
	/* Without these dpkg looks for info/PACKAGE.list, not PACKAGE:ARCH. */
	pkgdb_output_path(o, INFO "/format");
	pkgdb_output_path(o, "var/lib/dpkg/arch");
}
