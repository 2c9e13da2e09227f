/*
 * apk's database: records of "X:value" lines.  F: names a directory and R: a
 * file in it; M: belongs to the F: before it, a: and Z: to the R:.
 */
#include <stdlib.h>
#include <string.h>

#include "pkgdb_internal.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

static const char *const databases[] = {
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
};
#define DATABASES (sizeof(databases) / sizeof(databases[0]))

/* Writes the path of the R: line in the directory of the F: line. */
static void
join_path(struct strbuf *path, const char *dir, size_t dir_len,
    const char *name, size_t name_len)
{
	strbuf_reset(path);
	strbuf_add(path, dir, dir_len);
	strbuf_add_char(path, '/');
	strbuf_add(path, name, name_len);
}

/* Adds the files of a record to its package. */
static void
read_files(const struct pkgdb *db, struct package *p)
{
	auto_strbuf struct strbuf path;
	struct pkgdb_lines lines;
	const char *line, *dir = "";
	size_t len, dir_len = 0;

	strbuf_init(&path, 2 * LIMIT_PATH);
	pkgdb_lines_init(&lines, p->record, p->record_len);
	while (pkgdb_lines_next(&lines, &line, &len)) {
		if (len < 2)
			continue;
		if (*line == 'F') {
			dir = line + 2;
			dir_len = len - 2;
		} else if (*line == 'R') {
			join_path(&path, dir, dir_len, line + 2, len - 2);
			if (!path.overflow)
				pkgdb_add_file(db, p, path.data, path.len);
		}
	}
}

/* Adds the package of the record at `start`; its lines are checked already. */
static int
add_record(struct pkgdb *db, const char *database, const char *start,
    size_t record_len, struct err *e)
{
	auto_free char *name = NULL, *version = NULL;
	struct pkgdb_lines lines;
	struct package *p;
	const char *line;
	size_t len;

	pkgdb_lines_init(&lines, start, record_len);
	while (pkgdb_lines_next(&lines, &line, &len)) {
		if (*line == 'P' && name == NULL)
			name = mem_strndup(line + 2, len - 2);
		else if (*line == 'V' && version == NULL)
			version = mem_strndup(line + 2, len - 2);
	}
	if (name == NULL || *name == '\0' || version == NULL)
		return err_set(e, ERR_INVALID,
		    "a record without a name or version (P:, V:)");
	p = pkgdb_add_package(db);
	p->form = PKGDB_APK;
	p->name = steal(&name);
	p->version = steal(&version);
	p->database = mem_strdup(database);
	p->record = start;
	p->record_len = record_len;
	read_files(db, p);
	return 0;
}

static int
read_database(struct pkgdb *db, const char *path, struct err *e)
{
	struct pkgdb_lines lines;
	const char *text, *line, *start = NULL;
	unsigned first = 0;
	size_t len;

	text = tree_content(db->tree, path, &len);
	if (text == NULL)
		return 0;
	pkgdb_lines_init(&lines, text, len);
	while (pkgdb_lines_next(&lines, &line, &len)) {
		if (len > 0 && (len < 2 || line[1] != ':'))
			return err_set(e, ERR_INVALID,
			    "%s:%u: not a field of the form X:value", path,
			    lines.number);
		if (len > 0 && start == NULL) {
			start = line;
			first = lines.number;
		}
		if (start == NULL || (len > 0 && lines.next != lines.end))
			continue;
		if (add_record(db, path, start,
			(size_t)((len > 0 ? lines.end : line) - start),
			e) == -1)
			return err_wrap(e, "%s:%u", path, first);
		start = NULL;
	}
	return 0;
}

int
pkgdb_read_apk(struct pkgdb *db, struct err *e)
{
	size_t i;

	for (i = 0; i < DATABASES; i++) {
		/* After the merge of / and /usr both lead to one file. */
		if (i > 0 &&
		    tree_resolve(db->tree, NULL, databases[i], 0, NULL, NULL) ==
			tree_resolve(
			    db->tree, NULL, databases[0], 0, NULL, NULL))
			continue;
		if (read_database(db, databases[i], e) == -1)
			return -1;
	}
	return 0;
}

/* What the filter knows while it goes through a record's lines. */
struct record_filter {
	const struct pkgdb *db;
	const struct pkgdb_output *output;
	struct strbuf *out;
	struct strbuf dir_lines; /* F: and M:, until a file of it is kept */
	struct strbuf path;
	const char *dir;
	size_t dir_len;
	bool keep_file; /* the last R: line's file is kept */
};

/* Decides about one file of the current directory. */
static void
filter_file(struct record_filter *f, const char *name, size_t len)
{
	const struct tree_node *n = NULL;

	join_path(&f->path, f->dir, f->dir_len, name, len);
	if (!f->path.overflow)
		n = pkgdb_node(f->db, f->path.data, f->path.len);
	f->keep_file = n != NULL && f->output->kept[n->number];
	if (!f->keep_file)
		return;
	strbuf_add(f->out, f->dir_lines.data, f->dir_lines.len);
	strbuf_reset(&f->dir_lines);
}

static void
filter_line(struct record_filter *f, const char *line, size_t len)
{
	struct strbuf *to = f->out;

	switch (*line) {
	case 'F':
		strbuf_reset(&f->dir_lines);
		f->dir = line + 2;
		f->dir_len = len - 2;
		to = &f->dir_lines;
		break;
	case 'M':
		to = &f->dir_lines;
		break;
	case 'R':
		filter_file(f, line + 2, len - 2);
		if (!f->keep_file)
			return;
		break;
	case 'a':
	case 'Z':
		if (!f->keep_file)
			return;
		break;
	default:
		break;
	}
	strbuf_add(to, line, len);
	strbuf_add_char(to, '\n');
}

/* Appends the record of a surviving package, with the kept files only. */
static void
filter_record(
    const struct package *p, const struct pkgdb_output *o, struct strbuf *out)
{
	struct record_filter f = {.db = o->db, .output = o, .out = out};
	struct pkgdb_lines lines;
	const char *line;
	size_t len;

	f.dir = "";
	strbuf_init(&f.dir_lines, LIMIT_INDEXED_CONTENT);
	strbuf_init(&f.path, 2 * LIMIT_PATH);
	pkgdb_lines_init(&lines, p->record, p->record_len);
	while (pkgdb_lines_next(&lines, &line, &len))
		if (len > 0)
			filter_line(&f, line, len);
	strbuf_add_char(out, '\n');
	strbuf_clear(&f.dir_lines);
	strbuf_clear(&f.path);
}

void
pkgdb_filter_apk(const struct pkgdb *db, struct pkgdb_output *o)
{
	size_t i, j, len;

	for (i = 0; i < DATABASES; i++) {
		auto_strbuf struct strbuf out;

		strbuf_init(&out, LIMIT_INDEXED_CONTENT + 2);
		if (tree_content(db->tree, databases[i], &len) == NULL)
			continue;
		for (j = 0; j < db->count; j++) {
			const struct package *p = &db->packages[j];

			if (p->form == PKGDB_APK &&
			    strcmp(p->database, databases[i]) == 0 &&
			    pkgdb_survives(db, j, o->kept))
				filter_record(p, o, &out);
		}
		pkgdb_output_content(o, databases[i], &out);
	}
}
