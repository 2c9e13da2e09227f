/* A path as an item of a policy's `keep:` list. */
#include <ctype.h>
#include <string.h>

#include "winnow/path.h"
#include "winnow/policy.h"

/* Appends the byte as a pattern, within single quotes of YAML. */
static void
add_byte(unsigned char c, struct strbuf *out)
{
	if (c < 0x20 || c >= 0x7f) {
		strbuf_add_char(out, '?');
		return;
	}
	if (strchr("*?[]{}\\,", c) != NULL)
		strbuf_add_char(out, '\\');
	if (c == '\'')
		strbuf_add_char(out, '\'');
	strbuf_add_char(out, (char)c);
}

static bool
is_plain(const char *path)
{
	for (; *path != '\0'; path++)
		if (!isalnum((unsigned char)*path) &&
		    strchr("/._+@%=~-", *path) == NULL)
			return false;
	return true;
}

void
policy_format_keep(const char *path, struct strbuf *out)
{
	const char *quote = is_plain(path) ? "" : "'", *name;
	size_t len, i;

	strbuf_add_format(out, "- %s", quote);
	/* Empty components and "." lead nowhere else. */
	while ((name = path_next(&path, &len)) != NULL) {
		if (len == 1 && *name == '.')
			continue;
		strbuf_add_char(out, '/');
		for (i = 0; i < len; i++)
			add_byte((unsigned char)name[i], out);
	}
	strbuf_add_string(out, quote);
}
