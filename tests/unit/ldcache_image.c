#include "ldcache_image.h"

#include <stdint.h>
#include <string.h>

static void
add_number(struct strbuf *out, const struct ldcache_image *image, uint32_t v)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		strbuf_add_char(
		    out, (char)(v >> (image->big_endian ? 24 - 8 * i : 8 * i)));
}

static void
add_zeros(struct strbuf *out, unsigned count)
{
	while (count-- > 0)
		strbuf_add_char(out, '\0');
}

/* One entry of the older form, and what pads it to 8 bytes. */
static void
add_old_form(struct strbuf *out, const struct ldcache_image *image)
{
	strbuf_add(out, "ld.so-1.7.0", 12);
	add_number(out, image, 1);
	add_zeros(out, 12 + 4);
}

static uint32_t
count_words(const char *words)
{
	uint32_t count = 0;

	for (; *words != '\0'; count++) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	return count;
}

void
ldcache_image_add(
    struct strbuf *out, const struct ldcache_image *image, const char *words)
{
	uint32_t count = count_words(words), at = 48 + 24 * count;
	struct strbuf strings;

	strbuf_init(&strings, SIZE_MAX);
	if (image->old_form)
		add_old_form(out, image);
	strbuf_add_string(out, "glibc-ld.so.cache1.1");
	add_number(out, image, count);
	add_zeros(out, 48 - 24);
	while (*words != '\0') {
		size_t len = strcspn(words, " "), name = strcspn(words, "=");
		bool variant = words[len - 1] == '?';

		add_number(out, image, 0x303);
		add_number(out, image, at + (uint32_t)strings.len);
		add_number(out, image, at + (uint32_t)(strings.len + name + 1));
		add_zeros(out, 4 + 4);
		add_number(out, image, variant ? 1u << 30 : 0);
		strbuf_add(&strings, words, name);
		strbuf_add_char(&strings, '\0');
		strbuf_add(
		    &strings, words + name + 1, len - name - 1 - variant);
		strbuf_add_char(&strings, '\0');
		words += len;
		words += strspn(words, " ");
	}
	strbuf_add(out, strings.data, strings.len);
	strbuf_clear(&strings);
}
