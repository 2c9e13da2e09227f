#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

int
reference_split(
    const char *text, char **repository, char **first, struct err *e)
{
	/* A colon in front of a slash is a port's. */
	const char *at = strchr(text, '@');
	const char *slash = strrchr(text, '/');
	const char *colon = strrchr(slash == NULL ? text : slash, ':');
	const char *end = at != NULL ? at : colon;
	struct digest digest;

	if (at != NULL && digest_parse(at + 1, &digest, e) == -1)
		return err_wrap(e, "%s", text);
	if (at == NULL && colon != NULL && !ref_is_tag(colon + 1))
		return err_set(
		    e, ERR_INVALID, "\"%s\" does not end in a tag", text);
	*repository = end == NULL ? mem_strdup(text)
				  : mem_strndup(text, (size_t)(end - text));
	*first = end == NULL ? NULL : mem_strdup(end + 1);
	return 0;
}

int
reference_check(const char *text, struct err *e)
{
	auto_free char *repository = NULL, *first = NULL;

	return reference_split(text, &repository, &first, e);
}
