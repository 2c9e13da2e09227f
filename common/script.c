#include "script.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/mem.h"

/* The next word of the line, or NULL. */
static char *
next_word(const char **cursor)
{
	const char *start;

	while (**cursor == ' ' || **cursor == '\t')
		++*cursor;
	start = *cursor;
	while (**cursor != '\0' && !isspace((unsigned char)**cursor))
		++*cursor;
	return *cursor == start ? NULL
				: mem_strndup(start, (size_t)(*cursor - start));
}

static bool
is_env(const char *word)
{
	return strcmp(word, "/usr/bin/env") == 0 ||
	    strcmp(word, "/bin/env") == 0;
}

char *
script_program(const char *line)
{
	auto_free char *first = next_word(&line);
	char *word;

	if (first == NULL || !is_env(first))
		return steal(&first);
	while ((word = next_word(&line)) != NULL) {
		if (*word != '-' && strchr(word, '=') == NULL)
			return word;
		free(word);
	}
	return steal(&first);
}

char *
script_env(const char *line)
{
	auto_free char *first = next_word(&line);

	return first != NULL && is_env(first) ? steal(&first) : NULL;
}
