#include "winnow/spool.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/*
 * The file: contents, one behind the other; the table, a record of three
 * 64-bit numbers (ordinal, offset, size) per content, by ordinal; the
 * footer: the magic, the table's offset and its number of records.  It stays
 * on one machine, between processes of one program: host byte order.
 */
#define SPOOL_MAGIC UINT64_C(0x314c4f4f50534e57)
#define BUFFER_SIZE (1u << 20)
/*
 * Where large contents begin, so that a piece of them takes one large folio of
 * the page cache: page by page a write costs a quarter more, and a sixth more
 * again where it begins in the middle of one.
 */
#define ALIGNMENT ((uint64_t)256 << 10)
/* To copy less is cheaper than a write; a sparse file may have millions. */
#define DIRECT_MIN 4096

struct spool_record {
	uint64_t ordinal;
	uint64_t offset;
	uint64_t size;
};

struct spool_footer {
	uint64_t magic;
	uint64_t table;
	uint64_t count;
};

struct spool {
	int fd;
	uint8_t *buffer; /* bytes not written yet; NULL when loaded */
	size_t buffered;
	bool direct; /* of the current content only small pieces are buffered */
	uint64_t written; /* file offset of the buffer */
	uint64_t begun; /* where there is room for the current content */
	uint64_t start; /* file offset of it, aligned or not */
	uint64_t file_end; /* how far the file was ever written */
	void *map;
	size_t map_len;
	struct spool_record *records;
	size_t count;
	size_t capacity;
};

struct spool *
spool_new(int fd)
{
	struct spool *s = mem_zalloc(1, sizeof(*s));

	s->fd = fd;
	s->buffer = mem_alloc(BUFFER_SIZE);
	return s;
}

void
spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	spool_unmap(s);
	free(s->buffer);
	free(s->records);
	free(s);
}

int
spool_fd(const struct spool *s)
{
	return s->fd;
}

static uint64_t
position(const struct spool *s)
{
	return s->written + s->buffered;
}

/*
 * Writes at the end of what is written: over what was dropped, if anything.
 * Pages that the file has already cost half as much as new ones.
 */
static int
write_out(struct spool *s, const void *data, size_t len, struct err *e)
{
	if (fsutil_pwrite_all(s->fd, data, len, (off_t)s->written, e) == -1)
		return err_wrap(e, "spool");
	s->written += len;
	if (s->file_end < s->written)
		s->file_end = s->written;
	return 0;
}

/* Cuts off the bytes of dropped contents behind what is written. */
static int
cut_off(struct spool *s, struct err *e)
{
	if (s->file_end == s->written)
		return 0;
	if (ftruncate(s->fd, (off_t)s->written) == -1)
		return err_set_errno(e, "cannot truncate the spool");
	s->file_end = s->written;
	return 0;
}

static int
flush(struct spool *s, struct err *e)
{
	if (s->buffered == 0)
		return 0;
	if (write_out(s, s->buffer, s->buffered, e) == -1)
		return -1;
	s->buffered = 0;
	return 0;
}

static uint64_t
align_up(uint64_t offset)
{
	return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void
spool_begin(struct spool *s, uint64_t size)
{
	s->direct = size >= BUFFER_SIZE;
	s->begun = position(s);
	if (s->buffered == 0)
		s->start = s->written = align_up(s->written);
}

/*
 * A content comes in pieces as large as the reader's buffer, but for the first.
 * That ends where the alignment has the others begin.
 */
static int
append_direct(struct spool *s, const void *data, size_t len, struct err *e)
{
	bool is_first = position(s) == s->start;

	if (flush(s, e) == -1)
		return -1;
	if (is_first)
		s->start = s->written = align_up(s->written + len) - len;
	return write_out(s, data, len, e);
}

int
spool_append(struct spool *s, const void *data, size_t len, struct err *e)
{
	const uint8_t *bytes = data;

	if (s->direct && (len >= DIRECT_MIN || position(s) == s->start))
		return append_direct(s, data, len, e);
	while (len > 0) {
		size_t n;

		if (s->buffered == BUFFER_SIZE && flush(s, e) == -1)
			return -1;
		n = BUFFER_SIZE - s->buffered;
		if (n > len)
			n = len;
		memcpy(s->buffer + s->buffered, bytes, n);
		s->buffered += n;
		bytes += n;
		len -= n;
	}
	return 0;
}

int
spool_append_hole(struct spool *s, uint64_t len, struct err *e)
{
	if (len <= BUFFER_SIZE - s->buffered) {
		memset(s->buffer + s->buffered, 0, (size_t)len);
		s->buffered += (size_t)len;
		return 0;
	}
	if (len > LIMIT_LAYER_SIZE)
		return err_set(
		    e, ERR_LIMIT, "a hole of %" PRIu64 " bytes", len);
	/* What the file has there would show through the hole. */
	if (flush(s, e) == -1 || cut_off(s, e) == -1)
		return -1;
	if (ftruncate(s->fd, (off_t)(s->written + len)) == -1)
		return err_set_errno(e, "cannot extend the spool");
	s->written += len;
	s->file_end = s->written;
	return 0;
}

int
spool_map(struct spool *s, const void **data, size_t *len, struct err *e)
{
	uint64_t size = position(s) - s->start, page, from;
	void *map;

	if (size == 0 || s->start >= s->written) {
		*data = s->buffer + (s->start - s->written);
		*len = (size_t)size;
		return 0;
	}
	if (size > SIZE_MAX / 2)
		return err_set(e, ERR_LIMIT, "too large to map");
	if (flush(s, e) == -1)
		return -1;
	page = (uint64_t)sysconf(_SC_PAGESIZE);
	from = s->start / page * page;
	map = mmap(NULL, (size_t)(s->written - from), PROT_READ, MAP_SHARED,
	    s->fd, (off_t)from);
	if (map == MAP_FAILED)
		return err_set_errno(e, "cannot map the spool");
	s->map = map;
	s->map_len = (size_t)(s->written - from);
	*data = (const uint8_t *)map + (s->start - from);
	*len = (size_t)size;
	return 0;
}

void
spool_unmap(struct spool *s)
{
	if (s->map != NULL)
		munmap(s->map, s->map_len);
	s->map = NULL;
}

void
spool_keep(struct spool *s, uint32_t ordinal)
{
	s->records =
	    mem_grow(s->records, s->count, &s->capacity, sizeof(*s->records));
	s->records[s->count++] = (struct spool_record){
	    .ordinal = ordinal,
	    .offset = s->start,
	    .size = position(s) - s->start,
	};
	s->begun = s->start = position(s);
	s->direct = false;
}

void
spool_drop(struct spool *s)
{
	s->direct = false;
	if (s->start >= s->written) {
		s->buffered = (size_t)(s->start - s->written);
		return;
	}
	s->buffered = 0;
	s->start = s->written = s->begun;
}

static int
compare_records(const void *a, const void *b)
{
	const struct spool_record *x = a, *y = b;

	return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

int
spool_finish(struct spool *s, struct err *e)
{
	struct spool_footer footer = {.magic = SPOOL_MAGIC};

	spool_drop(s);
	if (s->count > 0)
		qsort(
		    s->records, s->count, sizeof(*s->records), compare_records);
	footer.table = position(s);
	footer.count = s->count;
	if (spool_append(s, s->records, s->count * sizeof(*s->records), e) ==
		-1 ||
	    spool_append(s, &footer, sizeof(footer), e) == -1)
		return -1;
	/* The footer is found from the end. */
	return flush(s, e) == -1 ? -1 : cut_off(s, e);
}

bool
spool_find(
    const struct spool *s, uint32_t ordinal, uint64_t *offset, uint64_t *size)
{
	struct spool_record key = {.ordinal = ordinal}, *found;

	if (s->count == 0)
		return false;
	found =
	    bsearch(&key, s->records, s->count, sizeof(key), compare_records);
	if (found == NULL)
		return false;
	*offset = found->offset;
	*size = found->size;
	return true;
}

/* Ordinals rise and contents lie before the table. */
static bool
are_records_valid(const struct spool *s, uint64_t table)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		const struct spool_record *r = &s->records[i];

		if (r->ordinal > UINT32_MAX || r->offset > table ||
		    r->size > table - r->offset)
			return false;
		if (i > 0 && r->ordinal <= s->records[i - 1].ordinal)
			return false;
	}
	return true;
}

static int
load_table(struct spool *s, uint64_t size, struct err *e)
{
	struct spool_footer footer;
	uint64_t room;

	if (size < sizeof(footer))
		return err_set(e, ERR_INVALID, "the spool has no footer");
	room = size - sizeof(footer);
	if (fsutil_pread_all(s->fd, &footer, sizeof(footer), (off_t)room, e) ==
	    -1)
		return -1;
	if (footer.magic != SPOOL_MAGIC)
		return err_set(e, ERR_INVALID, "the spool has no footer");
	if (footer.table > room || footer.count > LIMIT_LAYER_ENTRIES ||
	    room - footer.table != footer.count * sizeof(*s->records))
		return err_set(e, ERR_INVALID, "the spool's footer is wrong");
	s->records = mem_zalloc(footer.count, sizeof(*s->records));
	s->count = footer.count;
	if (fsutil_pread_all(s->fd, s->records, s->count * sizeof(*s->records),
		(off_t)footer.table, e) == -1)
		return -1;
	if (!are_records_valid(s, footer.table))
		return err_set(e, ERR_INVALID, "the spool's table is wrong");
	return 0;
}

int
spool_load(int fd, struct spool **out, struct err *e)
{
	auto_spool struct spool *s = mem_zalloc(1, sizeof(*s));
	uint64_t size = 0;

	s->fd = fd;
	if (fsutil_size(fd, &size, e) == -1 || load_table(s, size, e) == -1)
		return -1;
	*out = steal(&s);
	return 0;
}
