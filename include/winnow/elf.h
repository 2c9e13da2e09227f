/*
 * elf: what the dynamic loader would read of an ELF file (System V gABI,
 * "Dynamic Linking"; UAPI ".note.dlopen" for ELF_DLOPEN).  Program headers
 * only: sections may be stripped.  Both classes, both byte orders.
 */
#ifndef WINNOW_ELF_H
#define WINNOW_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "winnow/arena.h"
#include "winnow/auto.h"
#include "winnow/err.h"

enum elf_priority { ELF_REQUIRED, ELF_RECOMMENDED, ELF_SUGGESTED };

/*
 * One .note.dlopen entry: any one of the sonames will do, best first.  What
 * glibc opens for those who end threads or print stacks is one as well.
 */
struct elf_dlopen {
	char **sonames;
	size_t count;
	enum elf_priority priority;
	char *feature; /* NULL when not given */
};

struct elf_facts {
	uint8_t bits; /* 32 or 64 */
	bool big_endian;
	uint8_t osabi;
	uint16_t machine; /* EM_* */
	uint16_t type; /* ET_EXEC or ET_DYN */
	uint32_t flags; /* e_flags: float ABIs of ARM, MIPS, RISC-V */
	bool dynamic; /* has PT_DYNAMIC */
	char *interpreter; /* PT_INTERP, NULL when none */
	char *soname; /* DT_SONAME, NULL when none */
	char *rpath; /* DT_RPATH, NULL when none */
	char *runpath; /* DT_RUNPATH, NULL when none */
	char **needed; /* DT_NEEDED, in order */
	size_t needed_count;
	struct elf_dlopen *dlopens;
	size_t dlopen_count;
	bool nodefaultlib; /* DF_1_NODEFLIB */
	bool uses_iconv; /* calls iconv_open() */
	bool uses_locale; /* calls setlocale() or newlocale() */
	struct arena *arena; /* that elf_facts_free() frees; or NULL */
};

/* True when the bytes start like an ELF file. */
bool elf_is_magic(const void *bytes, size_t len);

/*
 * Reads the facts of the file image `image` of `size` bytes.  *out is the
 * caller's, NULL for an ELF file that is neither ET_EXEC nor ET_DYN (object
 * files, core files).  ERR_INVALID for offsets that lead outside the image or
 * strings that do not end, ERR_LIMIT past LIMIT_ELF_*.
 */
int
elf_read(const void *image, size_t size, struct elf_facts **out, struct err *e);
/* The same with the facts in `arena`, which owns them. */
int elf_read_into(const void *image, size_t size, struct arena *arena,
    struct elf_facts **out, struct err *e);
void elf_facts_free(struct elf_facts *facts);

AUTO_DEFINE(elf_facts, elf_facts_free)
#define auto_elf_facts __attribute__((cleanup(auto_elf_facts_cleanup)))

#endif
