#include "elf_image.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

/* Where the file's offset 0 is in memory. */
#define BASE 0x10000

void
elf_image_put(
    const struct elf_image *image, uint8_t *at, int bytes, uint64_t value)
{
	int i;

	for (i = 0; i < bytes; i++) {
		int shift = 8 * (image->big_endian ? bytes - 1 - i : i);

		at[i] = (uint8_t)(value >> shift);
	}
}

/* Writes and moves on. */
static void
put(const struct elf_image *image, uint8_t **at, int bytes, uint64_t value)
{
	elf_image_put(image, *at, bytes, value);
	*at += bytes;
}

static void
put_segment(const struct elf_image *image, uint8_t **at, uint32_t type,
    uint64_t offset, uint64_t len)
{
	int word = image->bits / 8;

	put(image, at, 4, type);
	if (word == 8)
		put(image, at, 4, PF_R);
	put(image, at, word, offset);
	put(image, at, word, BASE + offset);
	put(image, at, word, BASE + offset);
	put(image, at, word, len);
	put(image, at, word, len);
	if (word == 4)
		put(image, at, 4, PF_R);
	put(image, at, word, 4);
}

static void
put_header(const struct elf_image *image, uint8_t *out)
{
	int word = image->bits / 8;
	uint8_t *at = out + EI_NIDENT;
	uint16_t count = 1 + 1;

	if (image->interpreter != NULL)
		count++;
	if (image->note != NULL)
		count++;
	memcpy(out, ELFMAG, SELFMAG);
	out[EI_CLASS] = word == 8 ? ELFCLASS64 : ELFCLASS32;
	out[EI_DATA] = image->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	out[EI_VERSION] = EV_CURRENT;
	out[EI_OSABI] = ELFOSABI_LINUX;
	put(image, &at, 2, image->type);
	put(image, &at, 2, ELF_IMAGE_MACHINE);
	put(image, &at, 4, EV_CURRENT);
	put(image, &at, word, 0);
	put(image, &at, word, word == 8 ? 64 : 52); /* e_phoff */
	put(image, &at, word, 0);
	put(image, &at, 4, 0x400); /* e_flags */
	put(image, &at, 2, word == 8 ? 64 : 52);
	put(image, &at, 2, word == 8 ? 56 : 32);
	put(image, &at, 2, count);
	put(image, &at, 2, word == 8 ? 64 : 40);
	put(image, &at, 2, 0);
	put(image, &at, 2, 0);
	put_segment(image, &at, PT_LOAD, 0, ELF_IMAGE_SIZE);
	put_segment(image, &at, PT_DYNAMIC, ELF_IMAGE_DYNAMIC, 0x100);
	if (image->interpreter != NULL)
		put_segment(image, &at, PT_INTERP, ELF_IMAGE_INTERP,
		    strlen(image->interpreter) + 1);
	if (image->note != NULL)
		put_segment(image, &at, PT_NOTE, ELF_IMAGE_NOTE,
		    12 + 4 + (strlen(image->note) + 4) / 4 * 4);
}

/* Adds a dynamic entry whose value is a new string. */
static void
put_string(const struct elf_image *image, uint8_t *out, uint8_t **at, int tag,
    const char *text)
{
	char *strings = (char *)out + ELF_IMAGE_STRINGS;
	size_t used = 1;

	while (strings[used] != '\0')
		used += strlen(strings + used) + 1;
	memcpy(strings + used, text, strlen(text));
	put(image, at, image->bits / 8, (uint64_t)tag);
	put(image, at, image->bits / 8, used);
}

static void
put_dynamic(const struct elf_image *image, uint8_t *out)
{
	uint8_t *at = out + ELF_IMAGE_DYNAMIC;
	int word = image->bits / 8;

	put_string(image, out, &at, DT_NEEDED, "libone.so.1");
	put_string(image, out, &at, DT_NEEDED, "libtwo.so.2");
	if (image->soname != NULL)
		put_string(image, out, &at, DT_SONAME, image->soname);
	put_string(image, out, &at, DT_RPATH, "/rpath");
	put_string(image, out, &at, DT_RUNPATH, "$ORIGIN/run");
	put(image, &at, word, DT_STRTAB);
	put(image, &at, word, BASE + ELF_IMAGE_STRINGS);
	put(image, &at, word, DT_STRSZ);
	put(image, &at, word, 0x100);
	put(image, &at, word, DT_FLAGS_1);
	put(image, &at, word, 0x800);
}

void
elf_image_make(
    const struct elf_image *image, uint8_t out[static ELF_IMAGE_SIZE])
{
	uint8_t *at = out + ELF_IMAGE_NOTE;

	memset(out, 0, ELF_IMAGE_SIZE);
	put_header(image, out);
	put_dynamic(image, out);
	if (image->interpreter != NULL)
		memcpy(out + ELF_IMAGE_INTERP, image->interpreter,
		    strlen(image->interpreter));
	if (image->note != NULL) {
		put(image, &at, 4, 4);
		put(image, &at, 4, strlen(image->note) + 1);
		put(image, &at, 4, 0x407c0c0a);
		memcpy(at, "FDO", 4);
		memcpy(at + 4, image->note, strlen(image->note));
	}
}
