#include "winnow/yaml.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* Twice what any key needs; nobody reads a deeper file. */
#define DEPTH_MAX 16

static const char no_aliases[] =
    "aliases (*) are not supported: write it out, and quote a pattern that "
    "starts with *";

struct yaml_doc {
	char *file;
	struct yaml_mistakes *mistakes; /* borrowed */
	struct yaml_node *root;
	struct yaml_node *nodes; /* all of them, by `allocated` */
};

/* The state of a load: where the next node goes. */
struct loader {
	struct yaml_doc *doc;
	struct yaml_node *parent; /* the open list or map, or NULL */
	struct yaml_node *key; /* read, its value comes next */
	unsigned depth;
	unsigned documents;
};

/* Reports a mistake at a mark; returns -1. */
static int
fail_at(const struct yaml_doc *doc, yaml_mark_t mark, const char *text)
{
	unsigned position[2] = {
	    (unsigned)mark.line + 1, (unsigned)mark.column + 1};

	yaml_mistakes_add(doc->mistakes, doc->file, position, "%s", text);
	return -1;
}

void
yaml_complain(const struct yaml_doc *doc, const struct yaml_node *node,
    const char *fmt, ...)
{
	unsigned position[2] = {node->line, node->column};
	char text[ERR_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	yaml_mistakes_add(doc->mistakes, doc->file, position, "%s", text);
}

void
yaml_complain_inside(const struct yaml_doc *doc, const struct yaml_node *node,
    size_t offset, const char *text)
{
	unsigned position[2] = {node->line, node->column};
	size_t i;

	if (node->verbatim) {
		position[1] += node->inset;
		/* Columns count characters: a byte 10xxxxxx starts none. */
		for (i = 0; i < offset; i++)
			position[1] += (node->text[i] & 0xc0) != 0x80;
	}
	yaml_mistakes_add(doc->mistakes, doc->file, position, "%s", text);
}

const struct yaml_node *
yaml_root(const struct yaml_doc *doc)
{
	return doc->root;
}

void
yaml_doc_free(struct yaml_doc *doc)
{
	struct yaml_node *n;

	if (doc == NULL)
		return;
	while ((n = doc->nodes) != NULL) {
		doc->nodes = n->allocated;
		free(n->text);
		free(n);
	}
	free(doc->file);
	free(doc);
}

static struct yaml_node *
node_new(struct yaml_doc *doc, enum yaml_type type, yaml_mark_t mark)
{
	struct yaml_node *n = mem_zalloc(1, sizeof(*n));

	n->type = type;
	n->line = (unsigned)mark.line + 1;
	n->column = (unsigned)mark.column + 1;
	n->allocated = doc->nodes;
	doc->nodes = n;
	return n;
}

/* Puts a finished or opened node where it belongs. */
static int
attach(struct loader *l, struct yaml_node *n, yaml_mark_t mark)
{
	struct yaml_node *parent = l->parent;

	if (parent == NULL) {
		l->doc->root = n;
		return 0;
	}
	if (parent->type == YAML_MAP && l->key == NULL) {
		if (n->type == YAML_LIST || n->type == YAML_MAP)
			return fail_at(l->doc, mark, "a key must be a word");
		l->key = n;
		return 0;
	}
	n->key = l->key;
	l->key = NULL;
	n->parent = parent;
	if (parent->last == NULL)
		parent->first = n;
	else
		parent->last->next = n;
	parent->last = n;
	return 0;
}

static bool
is_null_word(const char *s)
{
	return *s == '\0' || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 ||
	    strcmp(s, "Null") == 0 || strcmp(s, "NULL") == 0;
}

/* The number of characters of a UTF-8 text. */
static size_t
count_characters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static int
add_scalar(struct loader *l, const yaml_event_t *event)
{
	yaml_mark_t start = event->start_mark, end = event->end_mark;
	yaml_scalar_style_t style = event->data.scalar.style;
	const char *text = (const char *)event->data.scalar.value;
	bool plain = style == YAML_PLAIN_SCALAR_STYLE;
	struct yaml_node *n;

	if (strlen(text) != event->data.scalar.length)
		return fail_at(l->doc, start, "a NUL byte in a string");
	n = node_new(l->doc,
	    plain && is_null_word(text) ? YAML_NULL : YAML_STRING, start);
	n->text = mem_strdup(text);
	n->inset = plain ? 0 : 1;
	n->verbatim = start.line == end.line &&
	    end.column - start.column == count_characters(text) + 2 * n->inset;
	return attach(l, n, start);
}

static int
open_collection(struct loader *l, enum yaml_type type, yaml_mark_t mark)
{
	struct yaml_node *n;

	if (++l->depth > DEPTH_MAX)
		return fail_at(l->doc, mark, "nested too deeply");
	n = node_new(l->doc, type, mark);
	if (attach(l, n, mark) == -1)
		return -1;
	l->parent = n;
	return 0;
}

static void
close_collection(struct loader *l)
{
	l->depth--;
	l->parent = l->parent->parent;
}

/* Anchors and tags, which give a node a meaning from elsewhere. */
static int
check_properties(
    const struct yaml_doc *doc, const yaml_event_t *event, bool tagged)
{
	bool anchored = (event->type == YAML_SCALAR_EVENT &&
			    event->data.scalar.anchor != NULL) ||
	    (event->type == YAML_SEQUENCE_START_EVENT &&
		event->data.sequence_start.anchor != NULL) ||
	    (event->type == YAML_MAPPING_START_EVENT &&
		event->data.mapping_start.anchor != NULL);

	if (anchored)
		return fail_at(doc, event->start_mark,
		    "anchors (&) are not supported: write it out");
	if (tagged)
		return fail_at(
		    doc, event->start_mark, "tags (!) are not supported");
	return 0;
}

/* Takes one event.  Returns -1 when nothing more can be read. */
static int
add_event(struct loader *l, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++l->documents > 1)
			return fail_at(l->doc, event->start_mark,
			    "a second document: one file holds one");
		return 0;
	case YAML_ALIAS_EVENT:
		return fail_at(l->doc, event->start_mark, no_aliases);
	case YAML_SCALAR_EVENT:
		if (check_properties(
			l->doc, event, event->data.scalar.tag != NULL) == -1)
			return -1;
		return add_scalar(l, event);
	case YAML_SEQUENCE_START_EVENT:
		if (check_properties(l->doc, event,
			event->data.sequence_start.tag != NULL) == -1)
			return -1;
		return open_collection(l, YAML_LIST, event->start_mark);
	case YAML_MAPPING_START_EVENT:
		if (check_properties(l->doc, event,
			event->data.mapping_start.tag != NULL) == -1)
			return -1;
		return open_collection(l, YAML_MAP, event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_collection(l);
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return 0;
}

/* The place of a byte of the text, for mistakes that have no mark. */
static yaml_mark_t
mark_of_offset(const char *text, size_t offset)
{
	yaml_mark_t mark = {.index = offset};
	size_t i;

	for (i = 0; i < offset; i++) {
		mark.column += (text[i] & 0xc0) != 0x80;
		if (text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

/* True when a tab is in the white space that the line starts with. */
static bool
is_tab_indented(const char *text, size_t len, size_t line)
{
	const char *end = text + len;

	while (line-- > 0) {
		text = memchr(text, '\n', (size_t)(end - text));
		if (text == NULL)
			return false;
		text++;
	}
	while (text < end && *text == ' ')
		text++;
	return text < end && *text == '\t';
}

/* Reports what the parser stopped at. */
static int
fail_syntax(const struct yaml_doc *doc, const yaml_parser_t *parser,
    const char *text, size_t len)
{
	auto_free char *message = NULL;

	if (parser->error == YAML_READER_ERROR) {
		size_t offset = parser->problem_offset;

		return fail_at(doc,
		    mark_of_offset(text, offset < len ? offset : len),
		    parser->problem);
	}
	if (is_tab_indented(text, len, parser->problem_mark.line))
		return fail_at(doc, parser->problem_mark,
		    "a tab in the indentation: use spaces");
	if (parser->context != NULL &&
	    strcmp(parser->context, "while scanning an alias") == 0)
		return fail_at(doc, parser->context_mark, no_aliases);
	if (parser->context == NULL)
		return fail_at(doc, parser->problem_mark, parser->problem);
	message = mem_printf("%s, %s that starts in line %zu", parser->problem,
	    parser->context, parser->context_mark.line + 1);
	return fail_at(doc, parser->problem_mark, message);
}

/* Runs the parser to the end of the text or to the first failure. */
static int
run_parser(
    yaml_parser_t *parser, struct loader *l, const char *text, size_t len)
{
	yaml_event_t event;
	bool ended = false;
	int result = 0;

	while (result == 0 && !ended) {
		if (!yaml_parser_parse(parser, &event))
			return fail_syntax(l->doc, parser, text, len);
		ended = event.type == YAML_STREAM_END_EVENT;
		result = add_event(l, &event);
		yaml_event_delete(&event);
	}
	return result;
}

int
yaml_load_text(const char *text, size_t len, const char *name,
    struct yaml_doc **out, struct yaml_mistakes *mistakes)
{
	auto_yaml_doc struct yaml_doc *doc = mem_zalloc(1, sizeof(*doc));
	struct loader l = {.doc = doc};
	yaml_parser_t parser;
	int result;

	doc->file = mem_strdup(name);
	doc->mistakes = mistakes;
	if (!yaml_parser_initialize(&parser))
		_exit(MEM_EXIT_STATUS);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	result = run_parser(&parser, &l, text, len);
	yaml_parser_delete(&parser);
	if (result == -1)
		return -1;
	if (doc->root == NULL)
		doc->root = node_new(doc, YAML_NULL, (yaml_mark_t){0, 0, 0});
	*out = steal(&doc);
	return 0;
}

int
yaml_load_file(const char *path, const char *name, struct yaml_doc **out,
    struct yaml_mistakes *mistakes, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;

	if (fsutil_read_file(AT_FDCWD, path, LIMIT_YAML_SIZE, &text, &len, e) ==
	    -1) {
		yaml_mistakes_add(
		    mistakes, name, (unsigned[2]){0, 0}, "%s", e->message);
		return -1;
	}
	if (yaml_load_text(text, len, name, out, mistakes) == 0)
		return 0;
	return err_set(e, ERR_INVALID, "%s: %s", name,
	    mistakes->items[mistakes->count - 1].text);
}
