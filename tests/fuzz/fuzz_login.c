/* Fuzz target: an Authorization header, an htpasswd file, a name in rules. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../daemon/access.h"
#include "../../daemon/authorization.h"
#include "../../daemon/htpasswd.h"
#include "winnow/auto.h"
#include "winnow/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	auto_free char *header = mem_printf("Basic %s", text);
	auto_free char *full =
	    access_full_name(text, "", "docker.io", "original");
	auto_htpasswd struct htpasswd *h = NULL;
	struct authorization a;
	struct err e;
	bool known;

	authorization_parse(text, &a);
	authorization_parse(header, &a);
	if (a.kind == AUTHORIZATION_BASIC && a.user[0] == '\0')
		abort();
	if (htpasswd_parse(text, "htpasswd", &h, &e) == 0 &&
	    htpasswd_find(h, a.user, &known) == NULL && known)
		abort();
	(void)access_check_pattern(text, "docker.io", "original", &e);
	return 0;
}
