/* Fuzz target: a WWW-Authenticate header, up to the token server's URL. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../daemon/upstream_challenge.h"
#include "winnow/auto.h"
#include "winnow/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	auto_free char *url = NULL;
	static char name[] = "www-authenticate";
	struct http_header header = {.name = name, .value = text};
	struct http_response r = {
	    .status = 401, .headers = &header, .header_count = 1};
	struct challenge c;
	struct err e;

	challenge_read(&r, &c);
	if (c.scheme == CHALLENGE_BEARER) {
		(void)challenge_check_realm(
		    "https://registry.example/v2/", c.realm, &e);
		url = challenge_token_url(&c, "repository:a:pull");
	}
	challenge_clear(&c);
	return 0;
}
