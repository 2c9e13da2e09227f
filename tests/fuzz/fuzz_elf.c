/* Fuzz target: the facts of an ELF file. */
#include <stddef.h>
#include <stdint.h>

#include "winnow/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_facts *facts = NULL;
	struct err e;

	if (elf_read(data, size, &facts, &e) == 0)
		elf_facts_free(facts);
	return 0;
}
