/* Small ELF images, of either class and byte order, for tests. */
#ifndef WINNOW_TEST_ELF_IMAGE_H
#define WINNOW_TEST_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where elf_image_make() puts things: file offsets. */
#define ELF_IMAGE_INTERP 0x200
#define ELF_IMAGE_DYNAMIC 0x240
#define ELF_IMAGE_STRINGS 0x400
#define ELF_IMAGE_NOTE 0x500
#define ELF_IMAGE_SIZE 0x700

struct elf_image {
	int bits; /* 32 or 64 */
	bool big_endian;
	uint16_t type;
	const char *interpreter; /* NULL: no PT_INTERP */
	const char *soname; /* NULL: none */
	const char *note; /* JSON of a dlopen note; NULL: no PT_NOTE */
};

/*
 * Fills `out`: a file for EM_TEST that needs "libone.so.1" and "libtwo.so.2",
 * with the RPATH "/rpath", the RUNPATH "$ORIGIN/run" and DF_1_NODEFLIB.
 */
#define ELF_IMAGE_MACHINE 0x1234
void elf_image_make(
    const struct elf_image *image, uint8_t out[static ELF_IMAGE_SIZE]);

/* Writes a number of `bytes` bytes in the image's order. */
void elf_image_put(
    const struct elf_image *image, uint8_t *at, int bytes, uint64_t value);

#endif
