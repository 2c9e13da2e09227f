#include "ldconf.h"

#include <string.h>
#include <strings.h>

#include "winnow/glob.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* ldconfig has no bound; real files include one level, some dozen files. */
#define LDCONF_MAX_DEPTH 8
#define LDCONF_MAX_FILES 1000

#define MUSL_DEFAULT_PATH "/lib:/usr/local/lib:/usr/lib"

/* What is still to be read: a file, or a line's includes in order. */
struct pending {
	const char *text;
	size_t len;
	unsigned depth;
};

struct ldconf_reader {
	const struct tree *tree;
	struct pending *stack; /* the innermost file last */
	size_t count;
	size_t capacity;
	size_t files;
	void (*add)(void *arg, const char *dir, size_t len);
	void *arg;
};

static void
push_file(struct ldconf_reader *r, const char *path, unsigned depth)
{
	struct pending *p;
	const char *text;
	size_t len;

	if (depth > LDCONF_MAX_DEPTH || r->files++ >= LDCONF_MAX_FILES)
		return;
	text = tree_content(r->tree, path, &len);
	if (text == NULL)
		return;
	r->stack =
	    mem_grow(r->stack, r->count, &r->capacity, sizeof(*r->stack));
	p = &r->stack[r->count++];
	p->text = text;
	p->len = len;
	p->depth = depth;
}

/*
 * Puts the files that an include pattern names on the stack, the first on
 * top.  Wildcards count in the last component only, as in every ld.so.conf
 * that we have seen.
 */
static void
push_include(struct ldconf_reader *r, const char *pattern, unsigned depth)
{
	auto_strbuf struct strbuf dir, path;
	const char *base = strrchr(pattern, '/');
	struct tree_node *node, *n;
	size_t first = r->count, i;

	strbuf_init(&dir, LIMIT_PATH);
	strbuf_init(&path, 2 * LIMIT_PATH);
	if (pattern[0] != '/')
		strbuf_add_string(&dir, "/etc/");
	if (base != NULL)
		strbuf_add(&dir, pattern, (size_t)(base - pattern) + 1);
	base = base == NULL ? pattern : base + 1;
	node = tree_resolve(r->tree, NULL, strbuf_string(&dir), 0, NULL, NULL);
	if (node == NULL)
		return;
	for (n = node->first; n != NULL; n = n->next) {
		if (n->name[0] == '.' && base[0] != '.')
			continue;
		strbuf_reset(&path);
		strbuf_add(&path, n->name, n->name_len);
		if (!glob_match_name(base, strbuf_string(&path)))
			continue;
		strbuf_reset(&path);
		strbuf_add_string(&path, strbuf_string(&dir));
		strbuf_add(&path, n->name, n->name_len);
		push_file(r, strbuf_string(&path), depth);
	}
	for (i = 0; i < (r->count - first) / 2; i++) {
		struct pending swapped = r->stack[first + i];

		r->stack[first + i] = r->stack[r->count - 1 - i];
		r->stack[r->count - 1 - i] = swapped;
	}
}

/* Reads "include PATTERN ..."; several patterns are pushed last first. */
static void
read_include(struct ldconf_reader *r, const char *line, unsigned depth)
{
	const char *end = line + strlen(line);

	while (end > line) {
		const char *start;
		char *pattern;

		while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		start = end;
		while (start > line && start[-1] != ' ' && start[-1] != '\t')
			start--;
		if (start == end)
			break;
		pattern = mem_strndup(start, (size_t)(end - start));
		push_include(r, pattern, depth);
		free(pattern);
		end = start;
	}
}

/* Reports a directory line, without the "=TYPE" of old ldconfigs. */
static void
read_dir(struct ldconf_reader *r, const char *line)
{
	size_t len = strcspn(line, "=");

	while (len > 0 && strchr(" \t\r\v\f", line[len - 1]) != NULL)
		len--;
	while (len > 1 && line[len - 1] == '/')
		len--;
	if (len > 0 && line[0] == '/')
		r->add(r->arg, line, len);
}

static void
read_line(struct ldconf_reader *r, const char *text, size_t len, unsigned depth)
{
	auto_free char *line = mem_strndup(text, len);
	const char *start;

	line[strcspn(line, "#")] = '\0';
	start = line + strspn(line, " \t\r\v\f");
	if (strncmp(start, "include", 7) == 0 &&
	    (start[7] == ' ' || start[7] == '\t'))
		read_include(r, start + 7, depth + 1);
	else if (strncasecmp(start, "hwcap", 5) == 0 &&
	    (start[5] == ' ' || start[5] == '\t'))
		return; /* ldconfig ignores it since glibc 2.33 */
	else
		read_dir(r, start);
}

void
ldconf_read_glibc(const struct tree *t,
    void (*add)(void *arg, const char *dir, size_t len), void *arg)
{
	struct ldconf_reader r = {.tree = t, .add = add, .arg = arg};

	push_file(&r, "/etc/ld.so.conf", 0);
	while (r.count > 0) {
		struct pending *p = &r.stack[r.count - 1];
		const char *text = p->text;
		const char *newline = memchr(text, '\n', p->len);
		size_t len =
		    newline == NULL ? p->len : (size_t)(newline - text);
		unsigned depth = p->depth;

		if (p->len == 0) {
			r.count--;
			continue;
		}
		p->text += len + (newline != NULL);
		p->len -= len + (newline != NULL);
		read_line(&r, text, len, depth);
	}
	free(r.stack);
}

void
ldconf_read_musl(const struct tree *t, const char *arch,
    void (*add)(void *arg, const char *dir, size_t len), void *arg)
{
	auto_free char *path = mem_printf(LDCONF_MUSL_PATH, arch);
	auto_free char *dirs = NULL;
	const char *text, *at;
	size_t len;

	text = tree_content(t, path, &len);
	dirs = text == NULL ? mem_strdup(MUSL_DEFAULT_PATH)
			    : mem_strndup(text, len);
	for (at = dirs + strspn(dirs, ":\n"); *at != '\0';
	     at += strspn(at, ":\n")) {
		len = strcspn(at, ":\n");
		if (*at == '/')
			add(arg, at, len);
		at += len;
	}
}
