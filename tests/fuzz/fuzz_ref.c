/* ref: what parses is canonical: parsing it again changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	auto_free char *full = NULL;
	struct ref_repository r, again;
	struct err e;

	(void)ref_is_tag(text);
	(void)ref_is_host(text);
	if (ref_repository_parse(text, "docker.io", &r, &e) == -1)
		return 0;
	full = mem_printf("%s/%s", r.host, r.path);
	if (ref_repository_parse(full, "docker.io", &again, &e) == -1)
		abort();
	if (strcmp(r.host, again.host) != 0 || strcmp(r.path, again.path) != 0)
		abort();
	ref_repository_clear(&r);
	ref_repository_clear(&again);
	return 0;
}
