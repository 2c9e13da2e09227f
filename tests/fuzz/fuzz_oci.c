/* Fuzz target: a manifest or index. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "winnow/limits.h"
#include "winnow/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_oci_manifest struct oci_manifest *m = NULL;
	struct err e;

	if (oci_manifest_parse(data, size, NULL, &m, &e) == -1)
		return 0;
	if (m->layer_count > LIMIT_LAYERS ||
	    m->manifest_count > LIMIT_INDEX_MANIFESTS)
		abort();
	return 0;
}
