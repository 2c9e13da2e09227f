/* elf: crafted images of every class and byte order, real files, damage. */
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elf_image.h"
#include "winnow/elf.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

#define NOTE                                                        \
	"[{\"soname\":[\"liba.so.2\",\"liba.so.1\"],\"priority\":"  \
	"\"required\",\"feature\":\"a\"},{\"soname\":\"wrong\"},7," \
	"{\"soname\":[\"libb.so\"]},{\"soname\":[\"libc.so\"],"     \
	"\"priority\":\"suggested\"}]"

static const struct elf_image images[] = {
    {64, false, ET_DYN, "/lib64/ld.so", "libself.so", NOTE},
    {64, true, ET_DYN, "/lib64/ld.so", "libself.so", NOTE},
    {32, false, ET_DYN, "/lib64/ld.so", "libself.so", NOTE},
    {32, true, ET_DYN, "/lib64/ld.so", "libself.so", NOTE},
};
#define IMAGES (sizeof(images) / sizeof(images[0]))

static void
check_dlopens(const struct elf_facts *facts)
{
	assert_int_equal(facts->dlopen_count, 3);
	assert_int_equal(facts->dlopens[0].count, 2);
	assert_string_equal(facts->dlopens[0].sonames[0], "liba.so.2");
	assert_string_equal(facts->dlopens[0].sonames[1], "liba.so.1");
	assert_int_equal(facts->dlopens[0].priority, ELF_REQUIRED);
	assert_string_equal(facts->dlopens[0].feature, "a");
	assert_string_equal(facts->dlopens[1].sonames[0], "libb.so");
	assert_int_equal(facts->dlopens[1].priority, ELF_RECOMMENDED);
	assert_null(facts->dlopens[1].feature);
	assert_int_equal(facts->dlopens[2].priority, ELF_SUGGESTED);
}

static void
test_facts(void **state)
{
	size_t i, shift;

	(void)state;
	/* Unaligned, too: contents lie anywhere in a spool. */
	for (i = 0; i < IMAGES; i++)
		for (shift = 0; shift < 3; shift++) {
			uint8_t bytes[ELF_IMAGE_SIZE + 3];
			auto_elf_facts struct elf_facts *facts = NULL;
			struct err e;

			elf_image_make(&images[i], bytes);
			memmove(bytes + shift, bytes, ELF_IMAGE_SIZE);
			if (elf_read(bytes + shift, ELF_IMAGE_SIZE, &facts,
				&e) == -1)
				fail_msg("%s", e.message);
			assert_non_null(facts);
			assert_int_equal(facts->bits, images[i].bits);
			assert_int_equal(
			    facts->big_endian, images[i].big_endian);
			assert_int_equal(facts->osabi, ELFOSABI_LINUX);
			assert_int_equal(facts->machine, ELF_IMAGE_MACHINE);
			assert_int_equal(facts->type, ET_DYN);
			assert_int_equal(facts->flags, 0x400);
			assert_true(facts->dynamic);
			assert_string_equal(facts->interpreter, "/lib64/ld.so");
			assert_string_equal(facts->soname, "libself.so");
			assert_string_equal(facts->rpath, "/rpath");
			assert_string_equal(facts->runpath, "$ORIGIN/run");
			assert_int_equal(facts->needed_count, 2);
			assert_string_equal(facts->needed[0], "libone.so.1");
			assert_string_equal(facts->needed[1], "libtwo.so.2");
			assert_true(facts->nodefaultlib);
			check_dlopens(facts);
		}
}

/*
 * A 64-bit library among whose dynamic strings is the name of a symbol; returns
 * the bytes of those before it.
 */
static size_t
make_with_symbol(uint8_t *bytes, const char *symbol)
{
	const struct elf_image image = {.bits = 64, .type = ET_DYN};
	char *strings = (char *)bytes + ELF_IMAGE_STRINGS;
	size_t used = 1;

	elf_image_make(&image, bytes);
	while (strings[used] != '\0')
		used += strlen(strings + used) + 1;
	memcpy(strings + used, symbol, strlen(symbol) + 1);
	return used;
}

/* What a file calls is told from its dynamic strings. */
static void
test_calls(void **state)
{
	static const struct {
		const char *symbol;
		bool iconv, locale;
	} cases[] = {
	    {"iconv_open", true, false},
	    {"setlocale", false, true},
	    {"newlocale", false, true},
	    {"my_iconv_open", false, false},
	    {"iconv_open2", false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_elf_facts struct elf_facts *facts = NULL;
		uint8_t bytes[ELF_IMAGE_SIZE];
		struct err e;

		make_with_symbol(bytes, cases[i].symbol);
		assert_int_equal(elf_read(bytes, sizeof(bytes), &facts, &e), 0);
		assert_int_equal(facts->uses_iconv, cases[i].iconv);
		assert_int_equal(facts->uses_locale, cases[i].locale);
	}
}

/* Whoever ends a thread or prints a stack needs libgcc_s, of glibc alone. */
static void
test_unwinder(void **state)
{
	static const struct {
		const char *symbol, *needed;
		bool found;
	} cases[] = {
	    {"pthread_exit", "libc.so.6", true},
	    {"pthread_cancel", "libc.so.6", true},
	    {"thrd_exit", "libc.so.6", true},
	    {"backtrace", "libc.so.6", true},
	    {"pthread_exit", "libc.so.6.1", true},
	    {"pthread_exit", "libc.musl", false},
	    {"pthread_exit_", "libc.so.6", false},
	    {"pthread_create", "libc.so.6", false},
	};
	size_t i, used;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_elf_facts struct elf_facts *facts = NULL;
		uint8_t bytes[ELF_IMAGE_SIZE];
		char *strings = (char *)bytes + ELF_IMAGE_STRINGS;
		struct err e;

		used = make_with_symbol(bytes, cases[i].symbol);
		/* In place of libone.so.1, which is as long. */
		memcpy(memmem(strings, used, "libone", 6), cases[i].needed,
		    strlen(cases[i].needed) + 1);
		assert_int_equal(elf_read(bytes, sizeof(bytes), &facts, &e), 0);
		assert_int_equal(facts->dlopen_count, cases[i].found);
		if (!cases[i].found)
			continue;
		assert_int_equal(facts->dlopens[0].count, 1);
		assert_string_equal(
		    facts->dlopens[0].sonames[0], "libgcc_s.so.1");
		assert_int_equal(facts->dlopens[0].priority, ELF_RECOMMENDED);
	}
}

static void
test_other_types(void **state)
{
	struct elf_image image = {.bits = 64, .type = ET_REL};
	struct elf_facts *facts = NULL;
	uint8_t bytes[ELF_IMAGE_SIZE];
	struct err e;

	(void)state;
	elf_image_make(&image, bytes);
	assert_int_equal(elf_read(bytes, sizeof(bytes), &facts, &e), 0);
	assert_null(facts);
	assert_true(elf_is_magic("\177ELF", 4));
	assert_false(elf_is_magic("\177ELF", 3));
	assert_false(elf_is_magic("\177ELG", 4));
}

static void
test_bad_notes(void **state)
{
	static const char *const notes[] = {"", "[", "{}", "[]", "[[]]",
	    "[{\"soname\":[]}]", "[{\"soname\":[\"\"]}]", "[{\"soname\":[1]}]",
	    "[{\"soname\":[\"a\\u0000b\"]}]",
	    "[{\"soname\":[\"a\"],\"priority\":1}]"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct elf_image image = images[0];
		auto_elf_facts struct elf_facts *facts = NULL;
		uint8_t bytes[ELF_IMAGE_SIZE];
		struct err e;

		image.note = notes[i];
		elf_image_make(&image, bytes);
		assert_int_equal(elf_read(bytes, sizeof(bytes), &facts, &e), 0);
		assert_int_equal(facts->dlopen_count, 0);
	}
}

/* Numbers of the 64-bit image that lead astray. */
static void
test_damaged(void **state)
{
	static const struct {
		size_t at;
		int bytes;
		uint64_t value;
		const char *message;
	} cases[] = {
	    {0x20, 8, UINT64_MAX - 3, "headers"},
	    {0x20, 8, ELF_IMAGE_SIZE - 8, "headers"},
	    /* PT_LOAD: p_offset, p_filesz */
	    {64 + 8, 8, UINT64_MAX, "strings lie outside"},
	    {64 + 32, 8, 0x100, "strings lie outside"},
	    {64 + 32, 8, UINT64_MAX, "strings lie outside"},
	    /* PT_DYNAMIC: p_offset, p_filesz */
	    {120 + 8, 8, ELF_IMAGE_SIZE - 4, "dynamic section lies outside"},
	    {120 + 8, 8, UINT64_MAX, "dynamic section lies outside"},
	    {120 + 32, 8, UINT64_MAX - 0x240, "dynamic section lies outside"},
	    /* PT_INTERP: p_offset, p_filesz */
	    {176 + 8, 8, UINT64_MAX, "interpreter lies outside"},
	    {176 + 32, 8, 5, "does not end"},
	    {176 + 32, 8, 0, "does not end"},
	    /* PT_NOTE: p_offset */
	    {232 + 8, 8, ELF_IMAGE_SIZE, "notes lie outside"},
	    /* DT_NEEDED's string */
	    {ELF_IMAGE_DYNAMIC + 8, 8, 0x100, "outside its table"},
	    {ELF_IMAGE_DYNAMIC + 8, 8, UINT64_MAX, "outside its table"},
	    /* DT_STRTAB, DT_STRSZ */
	    {ELF_IMAGE_DYNAMIC + 88, 8, 0, "strings lie outside"},
	    {ELF_IMAGE_DYNAMIC + 104, 8, 5, "does not end"},
	    {ELF_IMAGE_DYNAMIC + 80, 8, DT_NULL, "outside its table"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct elf_facts *facts = NULL;
		uint8_t bytes[ELF_IMAGE_SIZE];
		struct err e = {0};

		elf_image_make(&images[0], bytes);
		elf_image_put(&images[0], bytes + cases[i].at, cases[i].bytes,
		    cases[i].value);
		if (elf_read(bytes, sizeof(bytes), &facts, &e) != -1)
			fail_msg("case %zu passes", i);
		assert_int_equal(e.code, ERR_INVALID);
		if (strstr(e.message, cases[i].message) == NULL)
			fail_msg("case %zu: %s", i, e.message);
		assert_null(facts);
	}
}

/* No prefix of an image, and no changed byte, leads outside of it. */
static void
test_hostile(void **state)
{
	uint8_t bytes[ELF_IMAGE_SIZE];
	size_t i, at;

	(void)state;
	for (i = 0; i < IMAGES; i++)
		for (at = 0; at < ELF_IMAGE_SIZE; at++) {
			struct elf_facts *facts = NULL;
			uint8_t *copy = mem_alloc(at);
			struct err e;

			elf_image_make(&images[i], bytes);
			memcpy(copy, bytes, at);
			if (elf_read(copy, at, &facts, &e) == 0)
				elf_facts_free(facts);
			free(copy);
			bytes[at] ^= 0xff;
			facts = NULL;
			if (elf_read(bytes, sizeof(bytes), &facts, &e) == 0)
				elf_facts_free(facts);
		}
}

/* Reads a file of this machine, if it is there. */
static struct elf_facts *
read_real(const char *path)
{
	struct elf_facts *facts = NULL;
	auto_free char *data = NULL;
	size_t len = 0;
	struct err e;

	if (fsutil_read_file(AT_FDCWD, path, 64 << 20, &data, &len, &e) == -1)
		return NULL;
	if (elf_read(data, len, &facts, &e) == -1)
		fail_msg("%s: %s", path, e.message);
	return facts;
}

static void
test_real(void **state)
{
	auto_elf_facts struct elf_facts *shell = read_real("/bin/sh");
	auto_elf_facts struct elf_facts *loader = NULL, *libc = NULL;
	size_t i;

	(void)state;
	if (shell == NULL || shell->interpreter == NULL)
		skip();
	loader = read_real(shell->interpreter);
	assert_non_null(loader);
	assert_null(loader->interpreter);
	assert_int_equal(loader->type, ET_DYN);
	assert_int_equal(loader->needed_count, 0);
	for (i = 0; i < shell->needed_count; i++)
		if (strcmp(shell->needed[i], "libc.so.6") == 0)
			break;
	assert_true(i < shell->needed_count);
	libc = read_real("/lib/x86_64-linux-gnu/libc.so.6");
	if (libc == NULL)
		skip();
	assert_string_equal(libc->soname, "libc.so.6");
	assert_string_equal(libc->interpreter, shell->interpreter);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_facts),
	    cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_unwinder),
	    cmocka_unit_test(test_other_types),
	    cmocka_unit_test(test_bad_notes),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
