#include "winnow/marks.h"

#include <elf.h>
#include <string.h>

#include "marks_private.h"
#include "winnow/mem.h"

/* Enough to tell what kind of file it is. */
#define KIND_LEN 24
/* The headers of an ELF file with 30 segments; most have 13. */
#define ELF_HEAD 2048
/* Keys with certificates around them are shorter; bundles are not looked
 * through to the end. */
#define TEXT_MAX (64u << 10)
/* Segments without code that are searched: files have two to four. */
#define RANGES_MAX 8
/* Bytes of one piece in which a marker may start that ends in the next. */
#define CARRY (MARKER_MAX - 1)

enum stage {
	STAGE_KIND, /* its first bytes are collected */
	STAGE_ELF_HEAD,
	STAGE_TEXT,
	STAGE_SEARCH,
	STAGE_DONE
};

struct range {
	uint64_t from, to; /* offsets in the file */
};

struct marks {
	struct marks_tables tables;
	enum stage stage;
	uint64_t size;
	bool may_be_key; /* by its name */
	uint64_t at; /* bytes taken */
	size_t head_len;
	struct range ranges[RANGES_MAX];
	size_t range_count;
	uint64_t end; /* of the last range */
	uint32_t found;
	char carry[CARRY]; /* the bytes before carry_at */
	size_t carry_len;
	uint64_t carry_at;
	char head[TEXT_MAX];
};

struct marks *
marks_new(void)
{
	struct marks *m = mem_zalloc(1, sizeof(*m));

	marks_tables_init(&m->tables);
	m->stage = STAGE_DONE;
	return m;
}

void
marks_free(struct marks *m)
{
	free(m);
}

static bool
has_suffix(const char *path, const char *suffix)
{
	size_t len = strlen(path), suffix_len = strlen(suffix);

	return len >= suffix_len &&
	    strcmp(path + len - suffix_len, suffix) == 0;
}

void
marks_start(struct marks *m, const char *path, uint64_t size)
{
	m->stage = size < KIND_LEN ? STAGE_DONE : STAGE_KIND;
	m->size = size;
	m->may_be_key = has_suffix(path, ".pem") || has_suffix(path, ".key");
	m->at = 0;
	m->head_len = 0;
	m->range_count = 0;
	m->found = 0;
	m->carry_len = 0;
}

/* Searches the bytes at file offset `at`, with what came before them. */
static void
search_piece(struct marks *m, uint64_t at, const char *data, size_t len)
{
	char joined[2 * CARRY];
	size_t some = len < CARRY ? len : CARRY, total, keep;

	if (m->carry_at != at)
		m->carry_len = 0;
	total = m->carry_len + some;
	memcpy(joined, m->carry, m->carry_len);
	memcpy(joined + m->carry_len, data, some);
	if (m->carry_len > 0)
		m->found |= marks_search(&m->tables, joined, total);
	m->found |= marks_search(&m->tables, data, len);
	if (len >= CARRY) {
		memcpy(m->carry, data + len - CARRY, CARRY);
		m->carry_len = CARRY;
	} else {
		keep = total < CARRY ? total : CARRY;
		memcpy(m->carry, joined + total - keep, keep);
		m->carry_len = keep;
	}
	m->carry_at = at + len;
}

/* Searches what of the bytes at file offset `at` lies in a range. */
static void
search_ranges(struct marks *m, uint64_t at, const char *data, uint64_t len)
{
	size_t i;

	for (i = 0; i < m->range_count; i++) {
		uint64_t from = m->ranges[i].from, to = m->ranges[i].to;

		if (from < at)
			from = at;
		if (to > at + len)
			to = at + len;
		if (from < to)
			search_piece(
			    m, from, data + (from - at), (size_t)(to - from));
	}
}

static void
add_range(struct marks *m, uint64_t from, uint64_t len)
{
	uint64_t to;

	if (from >= m->size)
		return;
	to = len < m->size - from ? from + len : m->size;
	m->ranges[m->range_count++] = (struct range){from, to};
	if (to > m->end)
		m->end = to;
}

static void
search_all(struct marks *m)
{
	m->range_count = 0;
	add_range(m, 0, m->size);
}

/* A number of `bytes` bytes at an offset in the head. */
static uint64_t
get(const struct marks *m, size_t at, size_t bytes)
{
	const uint8_t *p = (const uint8_t *)m->head + at;
	bool big = m->head[EI_DATA] == ELFDATA2MSB;
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < bytes; i++)
		value |= (uint64_t)p[i] << 8 * (big ? bytes - 1 - i : i);
	return value;
}

/* A field of a header at `at`, by its names in both classes. */
#define GET(m, at, is64, kind, field)                          \
	((is64) ? get(m, (at) + offsetof(Elf64_##kind, field), \
		      sizeof(((Elf64_##kind *)0)->field))      \
		: get(m, (at) + offsetof(Elf32_##kind, field), \
		      sizeof(((Elf32_##kind *)0)->field)))

/* What the segments of a program say of the whole. */
struct shape {
	bool constants; /* are in a segment of their own */
	bool linked; /* it names an interpreter or libraries */
	bool code_at_0, data_at_0; /* segments that begin with the file */
};

/* Adds the segment whose header is at `at`, unless it has code. */
static void
add_segment(struct marks *m, size_t at, bool is64, struct shape *shape)
{
	uint64_t type = GET(m, at, is64, Phdr, p_type);
	uint64_t flags = GET(m, at, is64, Phdr, p_flags);
	uint64_t offset = GET(m, at, is64, Phdr, p_offset);

	if (type == PT_INTERP || type == PT_DYNAMIC)
		shape->linked = true;
	if (type != PT_LOAD)
		return;
	if (offset == 0 && (flags & PF_X) != 0)
		shape->code_at_0 = true;
	else if (offset == 0 && (flags & PF_W) != 0)
		shape->data_at_0 = true;
	if ((flags & PF_X) != 0 || m->range_count == RANGES_MAX)
		return;
	add_range(m, offset, GET(m, at, is64, Phdr, p_filesz));
	if ((flags & PF_W) == 0)
		shape->constants = true;
}

/*
 * True for what UPX writes: its l_info stands behind the program headers, at
 * `end`, and the magic in its second word.  Who hides that too leaves a static
 * program without sections that has the file's beginning in memory twice, as
 * code and as data: no linker does that.
 */
static bool
is_packed(const struct marks *m, size_t end, const struct shape *shape)
{
	bool is64 = m->head[EI_CLASS] == ELFCLASS64;

	if (end + 8 <= m->head_len && memcmp(m->head + end + 4, "UPX!", 4) == 0)
		return true;
	return shape->code_at_0 && shape->data_at_0 && !shape->linked &&
	    GET(m, 0, is64, Ehdr, e_shoff) == 0;
}

/*
 * Chooses what is searched of an ELF file.  Without an entry point it is a
 * library or an object file; constants are in segments that are neither
 * written nor run, or else, with older linkers, among the code.
 */
static void
choose_ranges(struct marks *m)
{
	bool is64 = m->head[EI_CLASS] == ELFCLASS64;
	size_t i, count, size = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	struct shape shape = {0};
	uint64_t headers;

	m->stage = STAGE_DONE;
	m->end = 0;
	if (m->head_len < sizeof(Elf64_Ehdr) ||
	    GET(m, 0, is64, Ehdr, e_entry) == 0)
		return;
	m->stage = STAGE_SEARCH;
	headers = GET(m, 0, is64, Ehdr, e_phoff);
	count = GET(m, 0, is64, Ehdr, e_phnum);
	if (headers <= m->head_len && count <= (m->head_len - headers) / size) {
		for (i = 0; i < count; i++)
			add_segment(
			    m, (size_t)headers + i * size, is64, &shape);
		if (is_packed(m, (size_t)headers + count * size, &shape))
			m->found |= MARK_BIT(MARK_PACKED);
	}
	if (!shape.constants)
		search_all(m);
}

static bool
starts_with(const struct marks *m, const char *prefix)
{
	return memcmp(m->head, prefix, strlen(prefix)) == 0;
}

/* Decides by the first KIND_LEN bytes. */
static void
choose_kind(struct marks *m)
{
	if (starts_with(m, ELFMAG))
		m->stage = STAGE_ELF_HEAD;
	else if (m->may_be_key || starts_with(m, "-----BEGIN ") ||
	    starts_with(m, "Bag Attributes") ||
	    starts_with(m, "PuTTY-User-Key-File-"))
		m->stage = STAGE_TEXT;
	else
		m->stage = STAGE_DONE;
}

/* How many bytes of the file the current stage collects. */
static size_t
wanted_head(const struct marks *m)
{
	static const size_t lengths[] = {
	    [STAGE_KIND] = KIND_LEN,
	    [STAGE_ELF_HEAD] = ELF_HEAD,
	    [STAGE_TEXT] = TEXT_MAX,
	};
	size_t len = lengths[m->stage];

	return m->size < len ? (size_t)m->size : len;
}

/* The head of the stage is complete. */
static void
use_head(struct marks *m)
{
	if (m->stage == STAGE_KIND) {
		choose_kind(m);
	} else if (m->stage == STAGE_TEXT) {
		if (marks_is_private_key(m->head, m->head_len))
			m->found |= MARK_BIT(MARK_PRIVATE_KEY);
		m->stage = STAGE_DONE;
	} else {
		choose_ranges(m);
		search_ranges(m, 0, m->head, m->head_len);
	}
}

void
marks_take(struct marks *m, const char *data, uint64_t len)
{
	while (m->stage < STAGE_SEARCH && len > 0) {
		size_t n = wanted_head(m) - m->head_len;

		if (n > len)
			n = (size_t)len;
		/* A hole is zeros: programs may well have some in their head.
		 */
		if (data == NULL) {
			memset(m->head + m->head_len, 0, n);
		} else {
			memcpy(m->head + m->head_len, data, n);
			data += n;
		}
		m->head_len += n;
		m->at += n;
		len -= n;
		if (m->head_len == wanted_head(m))
			use_head(m);
	}
	if (m->stage == STAGE_SEARCH && data != NULL)
		search_ranges(m, m->at, data, len);
	m->at += len;
}

bool
marks_wants_more(const struct marks *m)
{
	return m->stage < STAGE_SEARCH ||
	    (m->stage == STAGE_SEARCH && m->at < m->end);
}

uint32_t
marks_finish(struct marks *m)
{
	m->stage = STAGE_DONE;
	return m->found;
}
