/* glob: any pattern compiles or is refused at a column; matching ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/glob.h"
#include "winnow/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The pattern up to the first NUL, a path behind it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup("", 0);
	auto_glob struct glob *g = NULL;
	size_t len, column = 0, i;
	const char *path;
	struct err e;

	text = mem_realloc(text, size + 2, 1);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	len = strlen(text);
	path = text + (len < size ? len + 1 : len);
	if (glob_compile(text, &g, &column, &e) == -1) {
		if (column > len)
			abort();
		return 0;
	}
	(void)glob_match(g, path);
	(void)glob_match_below(g, path);
	for (i = 0; i < glob_alternatives(g); i++) {
		const char *prefix = glob_literal_prefix(g, i);

		/* A literal alternative matches itself. */
		if (glob_rest(g, i) == NULL && !glob_match(g, prefix))
			abort();
	}
	return 0;
}
