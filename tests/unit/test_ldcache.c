/* ldcache: both forms of ld.so.cache, either byte order, and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/ldcache.h"
#include "ldcache_image.h"

#define WORDS "liba.so=/lib/liba.so libb.so=/x/v3/libb.so? libb.so=/x/libb.so"

static void
write_entry(void *arg, const struct ldcache_entry *entry)
{
	strbuf_add_format(arg, "%s=%s%s ", entry->name, entry->path,
	    entry->variant ? "?" : "");
}

/* What is read of the first `len` bytes, or "none". */
static void
read_text(
    const struct strbuf *image, size_t len, bool big_endian, struct strbuf *out)
{
	strbuf_reset(out);
	if (!ldcache_read(image->data, len, big_endian, write_entry, out))
		strbuf_add_string(out, "none");
}

static void
test_forms(void **state)
{
	static const struct ldcache_image forms[] = {
	    {false, false}, {true, false}, {false, true}, {true, true}};
	struct strbuf image, text;
	size_t i;

	(void)state;
	strbuf_init(&image, 4096);
	strbuf_init(&text, 4096);
	for (i = 0; i < 4; i++) {
		strbuf_reset(&image);
		ldcache_image_add(&image, &forms[i], WORDS);
		read_text(&image, image.len, forms[i].big_endian, &text);
		assert_string_equal(strbuf_string(&text), WORDS " ");
		/* In the wrong order the number of entries is absurd. */
		read_text(&image, image.len, !forms[i].big_endian, &text);
		assert_string_equal(strbuf_string(&text), "none");
	}
	strbuf_clear(&image);
	strbuf_clear(&text);
}

/* Cut anywhere, it is none or has fewer entries; nothing is read behind. */
static void
test_truncated(void **state)
{
	static const struct ldcache_image form = {false, true};
	struct strbuf image, text;
	size_t len;

	(void)state;
	strbuf_init(&image, 4096);
	strbuf_init(&text, 4096);
	ldcache_image_add(&image, &form, WORDS);
	for (len = 0; len < image.len; len++) {
		struct strbuf cut;

		strbuf_init(&cut, 4096);
		strbuf_add(&cut, image.data, len);
		read_text(&cut, len, false, &text);
		assert_string_not_equal(strbuf_string(&text), WORDS " ");
		strbuf_clear(&cut);
	}
	strbuf_clear(&image);
	strbuf_clear(&text);
}

static void
test_offsets(void **state)
{
	static const struct ldcache_image form = {false, false};
	struct strbuf image, text;

	(void)state;
	strbuf_init(&image, 4096);
	strbuf_init(&text, 4096);
	ldcache_image_add(&image, &form, WORDS);
	memset(image.data + 48 + 4, 0xff, 4);
	read_text(&image, image.len, false, &text);
	assert_string_equal(
	    strbuf_string(&text), "libb.so=/x/v3/libb.so? libb.so=/x/libb.so ");
	strbuf_clear(&image);
	strbuf_clear(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
