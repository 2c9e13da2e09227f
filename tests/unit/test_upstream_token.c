/* upstream_token: what a token server may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/credential.h"
#include "../../daemon/upstream_auth_internal.h"

static void
test_answers(void **state)
{
	static const struct {
		const char *answer, *value;
		uint64_t life_s;
	} rows[] = {
	    {"{\"token\":\"abc\"}", "abc", 60},
	    {"{\"access_token\":\"abc\",\"expires_in\":300}", "abc", 300},
	    {"{\"token\":\"a\",\"access_token\":\"b\"}", "a", 60},
	    /* What a header may hold (RFC 6750), and base64. */
	    {"{\"token\":\"a.b-c_d~e+f/g==\"}", "a.b-c_d~e+f/g==", 60},
	    /* Less than the specification's least, and no number at all. */
	    {"{\"token\":\"a\",\"expires_in\":1}", "a", 60},
	    {"{\"token\":\"a\",\"expires_in\":0}", "a", 60},
	    {"{\"token\":\"a\",\"expires_in\":-1}", "a", 60},
	    {"{\"token\":\"a\",\"expires_in\":\"300\"}", "a", 60},
	    {"{\"token\":\"a\",\"expires_in\":99.5}", "a", 60},
	    {"{\"token\":\"a\",\"expires_in\":86400}", "a", 86400},
	    {"{\"token\":\"a\",\"expires_in\":99999999999}", "a", 60},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *value = NULL;
		uint64_t life_s = 0;
		struct err e;

		assert_int_equal(
		    upstream_token_read(rows[i].answer, strlen(rows[i].answer),
			&value, &life_s, &e),
		    0);
		assert_string_equal(value, rows[i].value);
		assert_int_equal(life_s, rows[i].life_s);
		credential_free_text(value);
	}
}

static void
test_refused(void **state)
{
	static const char *const rows[] = {
	    "",
	    "no JSON",
	    "[\"token\"]",
	    "{}",
	    "{\"token\":\"\"}",
	    "{\"token\":7}",
	    "{\"token\":null,\"access_token\":[]}",
	    /* Another header, or a second credential. */
	    "{\"token\":\"a\\r\\nHost: b\"}",
	    "{\"token\":\"a b\"}",
	    "{\"token\":\"a\\u0000b\"}",
	    "{\"token\":\"caf\xc3\xa9\"}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *value = NULL;
		uint64_t life_s = 7;
		struct err e;

		if (upstream_token_read(
			rows[i], strlen(rows[i]), &value, &life_s, &e) == 0)
			fail_msg("%s is taken", rows[i]);
		assert_null(value);
		assert_int_equal(life_s, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
