#include "term.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
has_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

/* main() sets the locale that libarchive needs; the user's is asked here. */
static bool
is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && *value != '\0')
			return strstr(value, "UTF-8") != NULL ||
			    strstr(value, "utf8") != NULL;
	}
	return false;
}

const char *
term_style(enum term_style style)
{
	static const char *const styles[TERM_STYLES] = {
	    [TERM_PLAIN] = "\033[0m",
	    [TERM_KEPT] = "\033[32m",
	    [TERM_GONE] = "\033[31m",
	    [TERM_MIXED] = "\033[33m",
	    [TERM_DIM] = "\033[2m",
	    [TERM_BOLD] = "\033[1m",
	};

	return has_colours() ? styles[style] : "";
}

const char *
term_branch(enum term_branch branch)
{
	static const char *const drawn[] = {
	    [TERM_BRANCH] = "\u251c\u2500\u2500 ",
	    [TERM_LAST] = "\u2514\u2500\u2500 ",
	    [TERM_PASS] = "\u2502   ",
	    [TERM_EMPTY] = "    ",
	};
	static const char *const plain[] = {
	    [TERM_BRANCH] = "|-- ",
	    [TERM_LAST] = "`-- ",
	    [TERM_PASS] = "|   ",
	    [TERM_EMPTY] = "    ",
	};

	return (is_utf8() ? drawn : plain)[branch];
}
