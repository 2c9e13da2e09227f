#include "winnow/elf.h"

#include <string.h>

#include "elf_private.h"
#include "winnow/limits.h"

/* DT_ entries that name strings or say where strings are. */
struct elf_dynamic {
	Elf_Data *entries;
	size_t count;
	const char *strings; /* DT_STRTAB; NULL when there is none */
	size_t strings_len;
};

bool
elf_is_magic(const void *bytes, size_t len)
{
	return len >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

static bool
is_inside(const struct elf_reader *r, uint64_t offset, uint64_t len)
{
	return offset <= r->size && len <= r->size - offset;
}

/* Copies the string at `text` that must end within `room` bytes. */
static int
copy_string(struct elf_reader *r, const char *text, size_t room, char **out,
    struct err *e)
{
	size_t len = strnlen(
	    text, room > LIMIT_ELF_STRING ? LIMIT_ELF_STRING + 1 : room);

	if (len > LIMIT_ELF_STRING)
		return err_set(e, ERR_LIMIT, "a string is longer than %d bytes",
		    LIMIT_ELF_STRING);
	if (len == room)
		return err_set(e, ERR_INVALID, "a string does not end");
	*out = arena_strndup(r->arena, text, len);
	return 0;
}

static int
read_interpreter(struct elf_reader *r, const GElf_Phdr *segment, struct err *e)
{
	if (!is_inside(r, segment->p_offset, segment->p_filesz))
		return err_set(
		    e, ERR_INVALID, "the interpreter lies outside the file");
	return copy_string(r, r->image + segment->p_offset, segment->p_filesz,
	    &r->facts->interpreter, e);
}

/* The file offset of `address`, and the bytes of its segment from there. */
static int
find_address(const struct elf_reader *r, uint64_t address, uint64_t *offset,
    uint64_t *len, struct err *e)
{
	size_t count = 0, i;
	GElf_Phdr segment;

	if (elf_getphdrnum(r->elf, &count) != 0)
		return err_set(e, ERR_INVALID, "no program headers");
	for (i = 0; i < count; i++) {
		if (gelf_getphdr(r->elf, (int)i, &segment) == NULL ||
		    segment.p_type != PT_LOAD || address < segment.p_vaddr ||
		    address - segment.p_vaddr >= segment.p_filesz)
			continue;
		if (!is_inside(r, segment.p_offset, segment.p_filesz))
			break;
		*offset = segment.p_offset + (address - segment.p_vaddr);
		*len = segment.p_filesz - (address - segment.p_vaddr);
		return 0;
	}
	return err_set(
	    e, ERR_INVALID, "the dynamic strings lie outside the file");
}

/* Finds the end of the dynamic section and its string table. */
static int
find_strings(struct elf_reader *r, struct elf_dynamic *d, struct err *e)
{
	uint64_t address = 0, len = UINT64_MAX, offset = 0, room = 0;
	bool found = false;
	GElf_Dyn entry;
	size_t i;

	for (i = 0; gelf_getdyn(d->entries, (int)i, &entry) != NULL; i++) {
		if (entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_STRSZ)
			len = entry.d_un.d_val;
		if (entry.d_tag == DT_STRTAB) {
			address = entry.d_un.d_ptr;
			found = true;
		}
	}
	d->count = i;
	if (!found)
		return 0;
	if (find_address(r, address, &offset, &room, e) == -1)
		return -1;
	d->strings = r->image + offset;
	d->strings_len = len < room ? len : room;
	return 0;
}

static int
copy_dynamic_string(struct elf_reader *r, const struct elf_dynamic *d,
    uint64_t at, char **out, struct err *e)
{
	if (d->strings == NULL || at >= d->strings_len)
		return err_set(
		    e, ERR_INVALID, "a dynamic string lies outside its table");
	return copy_string(r, d->strings + at, d->strings_len - at, out, e);
}

static int
add_needed(struct elf_reader *r, const struct elf_dynamic *d, uint64_t at,
    struct err *e)
{
	struct elf_facts *facts = r->facts;

	if (facts->needed_count == LIMIT_ELF_NEEDED)
		return err_set(e, ERR_LIMIT, "more than %d needed libraries",
		    LIMIT_ELF_NEEDED);
	if (facts->needed == NULL)
		facts->needed = arena_zalloc(r->arena,
		    d->count < LIMIT_ELF_NEEDED ? d->count : LIMIT_ELF_NEEDED,
		    sizeof(char *));
	if (copy_dynamic_string(
		r, d, at, &facts->needed[facts->needed_count], e) == -1)
		return -1;
	facts->needed_count++;
	return 0;
}

static int
read_dynamic_entry(struct elf_reader *r, const struct elf_dynamic *d,
    const GElf_Dyn *entry, struct err *e)
{
	uint64_t value = entry->d_un.d_val;

	switch (entry->d_tag) {
	case DT_NEEDED:
		return add_needed(r, d, value, e);
	case DT_SONAME:
		return copy_dynamic_string(r, d, value, &r->facts->soname, e);
	case DT_RPATH:
		return copy_dynamic_string(r, d, value, &r->facts->rpath, e);
	case DT_RUNPATH:
		return copy_dynamic_string(r, d, value, &r->facts->runpath, e);
	case DT_FLAGS_1:
		r->facts->nodefaultlib = (value & DF_1_NODEFLIB) != 0;
		return 0;
	default:
		return 0;
	}
}

/* True when a string is the NAME of "\0NAME": a symbol, imported or not. */
static bool
has_symbol(const struct elf_dynamic *d, const char *name)
{
	size_t len = 1 + strlen(name + 1) + 1;

	return d->strings != NULL &&
	    memmem(d->strings, d->strings_len, name, len) != NULL;
}

/*
 * Where glibc is to unwind a stack it opens libgcc_s: without it, whoever ends
 * a thread is aborted, and a backtrace is empty.
 */
static int
add_unwinder(struct elf_reader *r, const struct elf_dynamic *d, struct err *e)
{
	static const char *const callers[] = {
	    "\0pthread_exit", "\0pthread_cancel", "\0thrd_exit", "\0backtrace"};
	static char libgcc[] = "libgcc_s.so.1";
	const struct elf_facts *facts = r->facts;
	bool needs_glibc = false, calls = false;
	size_t i;

	for (i = 0; i < facts->needed_count; i++)
		if (strncmp(facts->needed[i], "libc.so.6", 9) == 0)
			needs_glibc = true;
	for (i = 0; needs_glibc && i < sizeof(callers) / sizeof(*callers); i++)
		calls = calls || has_symbol(d, callers[i]);
	return calls ? elf_add_dlopen(r, libgcc, e) : 0;
}

static int
read_dynamic(struct elf_reader *r, const GElf_Phdr *segment, struct err *e)
{
	struct elf_dynamic d = {0};
	GElf_Dyn entry;
	size_t i;

	/* gelf_getdyn() counts in int. */
	if (!is_inside(r, segment->p_offset, segment->p_filesz) ||
	    segment->p_filesz > INT32_MAX)
		return err_set(e, ERR_INVALID,
		    "the dynamic section lies outside the file");
	r->facts->dynamic = true;
	if (segment->p_filesz == 0)
		return 0;
	d.entries = elf_getdata_rawchunk(
	    r->elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_DYN);
	if (d.entries == NULL)
		return err_set(e, ERR_INVALID,
		    "cannot read the dynamic section: %s", elf_errmsg(-1));
	if (find_strings(r, &d, e) == -1)
		return -1;
	r->facts->uses_iconv = has_symbol(&d, "\0iconv_open");
	r->facts->uses_locale =
	    has_symbol(&d, "\0setlocale") || has_symbol(&d, "\0newlocale");
	for (i = 0; i < d.count; i++)
		if (gelf_getdyn(d.entries, (int)i, &entry) != NULL &&
		    read_dynamic_entry(r, &d, &entry, e) == -1)
			return -1;
	return add_unwinder(r, &d, e);
}

static int
read_segment(struct elf_reader *r, const GElf_Phdr *segment, struct err *e)
{
	switch (segment->p_type) {
	case PT_INTERP:
		return read_interpreter(r, segment, e);
	case PT_DYNAMIC:
		return read_dynamic(r, segment, e);
	case PT_NOTE:
		return elf_read_notes(r, segment, e);
	default:
		return 0;
	}
}

static int
read_segments(struct elf_reader *r, const GElf_Ehdr *header, struct err *e)
{
	unsigned seen = 0;
	GElf_Phdr segment;
	size_t count = 0, i;

	/* libelf counts no more than the file has room for. */
	if (elf_getphdrnum(r->elf, &count) != 0 || count < header->e_phnum)
		return err_set(
		    e, ERR_INVALID, "the program headers lie outside the file");
	for (i = 0; i < count; i++) {
		if (gelf_getphdr(r->elf, (int)i, &segment) == NULL)
			return err_set(e, ERR_INVALID,
			    "cannot read program header %zu: %s", i,
			    elf_errmsg(-1));
		/* The kernel takes the first interpreter; ld.so needs one
		 * dynamic section. */
		if (segment.p_type == PT_INTERP ||
		    segment.p_type == PT_DYNAMIC) {
			if ((seen & 1u << segment.p_type) != 0)
				continue;
			seen |= 1u << segment.p_type;
		}
		if (read_segment(r, &segment, e) == -1)
			return -1;
	}
	return 0;
}

static void
copy_header(struct elf_facts *facts, const GElf_Ehdr *header)
{
	facts->bits = header->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	facts->big_endian = header->e_ident[EI_DATA] == ELFDATA2MSB;
	facts->osabi = header->e_ident[EI_OSABI];
	facts->machine = header->e_machine;
	facts->type = header->e_type;
	facts->flags = header->e_flags;
}

static int
read_elf(struct elf_reader *r, struct elf_facts **out, struct err *e)
{
	GElf_Ehdr header;

	if (gelf_getehdr(r->elf, &header) == NULL)
		return err_set(e, ERR_INVALID, "cannot read the header: %s",
		    elf_errmsg(-1));
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
		*out = NULL;
		return 0;
	}
	r->facts = arena_zalloc(r->arena, 1, sizeof(*r->facts));
	copy_header(r->facts, &header);
	if (read_segments(r, &header, e) == -1)
		return -1;
	*out = r->facts;
	return 0;
}

int
elf_read_into(const void *image, size_t size, struct arena *arena,
    struct elf_facts **out, struct err *e)
{
	struct elf_reader r = {.image = image, .size = size, .arena = arena};
	int status;

	elf_version(EV_CURRENT);
	/* libelf only reads what it was not told to write. */
	r.elf = elf_memory((char *)(uintptr_t)image, size);
	if (r.elf == NULL)
		return err_set(e, ERR_INVALID, "%s", elf_errmsg(-1));
	status = read_elf(&r, out, e);
	elf_end(r.elf);
	return status;
}

int
elf_read(const void *image, size_t size, struct elf_facts **out, struct err *e)
{
	auto_arena struct arena *arena = arena_new();
	struct elf_facts *facts = NULL;

	if (elf_read_into(image, size, arena, &facts, e) == -1)
		return -1;
	if (facts != NULL)
		facts->arena = steal(&arena);
	*out = facts;
	return 0;
}

void
elf_facts_free(struct elf_facts *facts)
{
	if (facts != NULL)
		arena_free(facts->arena);
}
