#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "reference.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

/* The repository behind the prefix of originals, or all of it. */
static const char *
without_prefix(const struct config *c, const char *name)
{
	size_t len = strlen(c->original_prefix);

	return len > 0 && strncmp(name, c->original_prefix, len) == 0 &&
		name[len] == '/'
	    ? name + len + 1
	    : name;
}

static int
check_form(const struct config *c, const char *text, struct err *e)
{
	auto_free char *repository = NULL, *first = NULL;
	struct ref_repository parts;

	if (reference_split(text, &repository, &first, e) == -1 ||
	    ref_repository_parse(without_prefix(c, repository),
		c->default_upstream, &parts, e) == -1)
		return -1;
	ref_repository_clear(&parts);
	return 0;
}

void
config_check_warm(const struct config_reader *r, struct config *c)
{
	const struct yaml_node *node = yaml_get(r->root, "warm", YAML_LIST);
	size_t i = 0;
	struct err e;

	c->warm_marks = mem_zalloc(c->warm_count + 1, sizeof(*c->warm_marks));
	for (node = node == NULL ? NULL : node->first; node != NULL;
	     node = node->next) {
		if (node->type != YAML_STRING)
			continue;
		if (check_form(c, node->text, &e) == -1)
			yaml_complain(r->doc, node,
			    "\"%s\" is not NAME:TAG "
			    "or NAME@DIGEST: %s",
			    node->text, e.message);
		if (i < c->warm_count) {
			c->warm_marks[i][0] = node->line;
			c->warm_marks[i++][1] = node->column;
		}
	}
}
