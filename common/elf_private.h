/* elf, in two files: program headers and strings; dlopen notes. */
#ifndef WINNOW_ELF_PRIVATE_H
#define WINNOW_ELF_PRIVATE_H

#include <gelf.h>

#include "winnow/elf.h"

struct elf_reader {
	Elf *elf;
	const char *image;
	size_t size;
	struct arena *arena;
	struct elf_facts *facts;
	size_t dlopen_capacity;
	unsigned note_segments;
};

/* Adds what the notes of the PT_NOTE segment `segment` say of dlopen(). */
int
elf_read_notes(struct elf_reader *r, const GElf_Phdr *segment, struct err *e);

/* Adds what is as good as a note: recommended, one soname, borrowed. */
int elf_add_dlopen(struct elf_reader *r, char *soname, struct err *e);

#endif
