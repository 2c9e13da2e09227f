/* section: what a worker says is where, checked against the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "../../daemon/section.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
		uint64_t offset, size;
	} rows[] = {
	    {"[3,100]", ERR_NONE, 3, 100},
	    {"[0,0]", ERR_NONE, 0, 0},
	    {"[9223372036854775807,1]", ERR_NONE, INT64_MAX, 1},
	    {"[3,101]", ERR_LIMIT, 0, 0},
	    {"[-1,1]", ERR_INVALID, 0, 0},
	    {"[1,-1]", ERR_INVALID, 0, 0},
	    {"[1]", ERR_INVALID, 0, 0},
	    {"[1,2,3]", ERR_INVALID, 0, 0},
	    {"[1.5,2]", ERR_INVALID, 0, 0},
	    {"[\"1\",2]", ERR_INVALID, 0, 0},
	    {"{\"0\":1}", ERR_INVALID, 0, 0},
	    {"7", ERR_INVALID, 0, 0},
	    {"null", ERR_INVALID, 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_json json_t *v =
		    json_loads(rows[i].text, JSON_DECODE_ANY, NULL);
		struct section s = {7, 7};
		struct err e = {.code = ERR_NONE};
		int status = section_parse(v, 100, &s, &e);

		if (e.code != rows[i].code)
			fail_msg("%s: %s", rows[i].text, err_code_name(e.code));
		assert_int_equal(status, e.code == ERR_NONE ? 0 : -1);
		assert_int_equal(s.offset, status == 0 ? rows[i].offset : 7);
		assert_int_equal(s.size, status == 0 ? rows[i].size : 7);
	}
	{
		struct section s;
		struct err e;

		assert_int_equal(section_parse(NULL, 100, &s, &e), -1);
	}
}

static void
test_append_and_read(void **state)
{
	auto_fd int fd = -1;
	auto_fd int from = -1;
	auto_free char *data = NULL;
	auto_json json_t *v = NULL;
	struct section first, second, third, bad;
	struct err e;

	(void)state;
	assert_int_equal(fsutil_open_unlinked("/tmp", &fd, &e), 0);
	assert_int_equal(fsutil_open_unlinked("/tmp", &from, &e), 0);
	assert_int_equal(write(from, "file", 4), 4);
	assert_int_equal(section_append(fd, "one", 3, &first, &e), 0);
	assert_int_equal(section_append_file(fd, from, &second, &e), 0);
	assert_int_equal(section_append(fd, "", 0, &third, &e), 0);
	v = section_format(&second);
	assert_int_equal(section_parse(v, 4, &second, &e), 0);
	assert_int_equal(second.offset, 3);
	assert_int_equal(third.offset, 7);
	assert_int_equal(section_read(fd, &second, &data, &e), 0);
	assert_string_equal(data, "file");
	/* What is not in the file is refused before memory is taken. */
	bad = (struct section){0, UINT64_MAX >> 1};
	assert_int_equal(section_read(fd, &bad, &data, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	bad = (struct section){UINT64_MAX - 1, 4};
	assert_int_equal(section_read(fd, &bad, &data, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	bad = (struct section){4, 4};
	assert_int_equal(section_read(fd, &bad, &data, &e), -1);
	bad = (struct section){8, 0};
	assert_int_equal(section_read(fd, &bad, &data, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_append_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
