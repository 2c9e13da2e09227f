/* Fuzz target: a shell script; what it calls is what an index may hold. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/script_calls.h"
#include "winnow/auto.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_alloc(size);
	auto_free char *line = NULL;
	auto_strbuf struct strbuf out;

	if (size > 0)
		memcpy(text, data, size);
	strbuf_init(&out, LIMIT_SCRIPT_CALLS);
	script_calls_read(text, size, &out);
	if (out.overflow ||
	    (out.len > 0 && !script_calls_are_valid(strbuf_string(&out))))
		abort();
	line = mem_strndup(text, size);
	(void)script_is_shell(line);
	return 0;
}
