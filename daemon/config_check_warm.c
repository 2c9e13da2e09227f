/* Whether what is to be warm can be had, by configuration and policies. */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "names.h"
#include "reference.h"
#include "winnow/mem.h"
#include "winnow/yaml.h"

/* What a reference stands for, one text for each; the caller frees it. */
static int
find_image(const struct config *c, const struct policy_set *policies,
    const char *text, char **out, struct err *e)
{
	auto_free char *repository = NULL, *first = NULL;
	auto_names_target struct names_target t = {.mode = NAMES_PASS};
	const char *reference;

	if (reference_split(text, &repository, &first, e) == -1)
		return -1;
	reference = first == NULL ? REFERENCE_DEFAULT : first;
	if (names_find(c, policies, repository, NULL,
		strchr(reference, ':') == NULL ? reference : NULL, &t, e) == -1)
		return -1;
	*out = mem_printf("%s %s", t.scope, reference);
	return 0;
}

void
config_check_warm_names(const struct config *c,
    const struct policy_set *policies, const char *path,
    struct yaml_mistakes *mistakes)
{
	auto_free char **images = mem_zalloc(c->warm_count + 1, sizeof(char *));
	struct err e;
	size_t i, k;

	for (i = 0; i < c->warm_count; i++) {
		if (find_image(c, policies, c->warm[i], &images[i], &e) == -1) {
			yaml_mistakes_add(mistakes, path, c->warm_marks[i],
			    "\"%s\": %s", c->warm[i], e.message);
			continue;
		}
		for (k = 0; k < i; k++)
			if (images[k] != NULL &&
			    strcmp(images[k], images[i]) == 0)
				break;
		if (k < i)
			yaml_mistakes_add(mistakes, path, c->warm_marks[i],
			    "\"%s\" is the same as \"%s\" in line %u",
			    c->warm[i], c->warm[k], c->warm_marks[k][0]);
	}
	for (i = 0; i < c->warm_count; i++)
		free(images[i]);
}
