#include "winnow/path.h"

#include <string.h>

#include "winnow/limits.h"

/* Removes the last component of the path that starts at `start` in b. */
static void
drop_component(struct strbuf *b, size_t start)
{
	size_t len = b->len;

	while (len > start && b->data[len - 1] != '/')
		len--;
	if (len > start)
		len--;
	strbuf_truncate(b, len);
}

int
path_normalize(const char *name, size_t len, struct strbuf *out, struct err *e)
{
	size_t start = out->len, i = 0;

	if (len > LIMIT_PATH)
		return err_set(
		    e, ERR_LIMIT, "a name is longer than %d bytes", LIMIT_PATH);
	if (memchr(name, '\0', len) != NULL)
		return err_set(e, ERR_INVALID, "a name holds a NUL byte");
	while (i < len) {
		size_t from;

		while (i < len && name[i] == '/')
			i++;
		from = i;
		while (i < len && name[i] != '/')
			i++;
		if (i - from > LIMIT_COMPONENT) {
			strbuf_truncate(out, start);
			return err_set(e, ERR_LIMIT,
			    "a file name is longer than %d bytes",
			    LIMIT_COMPONENT);
		}
		if (i == from || (i - from == 1 && name[from] == '.'))
			continue;
		if (i - from == 2 && memcmp(name + from, "..", 2) == 0) {
			drop_component(out, start);
			continue;
		}
		if (out->len > start)
			strbuf_add_char(out, '/');
		strbuf_add(out, name + from, i - from);
	}
	return 0;
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

const char *
path_next(const char **cursor, size_t *len)
{
	const char *start = *cursor, *end;

	while (*start == '/')
		start++;
	if (*start == '\0')
		return NULL;
	end = strchrnul(start, '/');
	*len = (size_t)(end - start);
	*cursor = end;
	return start;
}

bool
path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 0)
		return true;
	return strncmp(path, dir, len) == 0 &&
	    (path[len] == '\0' || path[len] == '/');
}

int
path_compare(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	/* A slash sorts before every byte but the end. */
	if (*a == '\0' || *b == '\0')
		return *a == '\0' ? -1 : 1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

void
path_escape(const char *path, struct strbuf *out)
{
	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;

		if (c < ' ' || c >= 0x7f || c == '\\')
			strbuf_add_format(out, "\\x%02x", c);
		else
			strbuf_add_char(out, *path);
	}
}
