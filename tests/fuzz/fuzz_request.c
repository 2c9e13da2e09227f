/* Fuzz target: the target of a request line. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../daemon/server_request.h"
#include "winnow/auto.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	enum oci_subject subject;
	struct request r;
	struct err e;

	if (request_parse(text, &r, &subject, &e) == 0 &&
	    r.kind != REQUEST_PING && !ref_is_repository(r.repository))
		abort();
	return 0;
}
