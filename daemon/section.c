#include "section.h"

#include <errno.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

int
section_parse(
    const json_t *value, uint64_t max, struct section *out, struct err *e)
{
	const json_t *offset = json_array_get(value, 0);
	const json_t *size = json_array_get(value, 1);

	if (json_array_size(value) != 2 || !json_is_integer(offset) ||
	    !json_is_integer(size) || json_integer_value(offset) < 0 ||
	    json_integer_value(size) < 0)
		return err_set(e, ERR_INVALID, "not a section of a file");
	if ((uint64_t)json_integer_value(size) > max)
		return err_set(e, ERR_LIMIT,
		    "a section is larger than %llu bytes",
		    (unsigned long long)max);
	out->offset = (uint64_t)json_integer_value(offset);
	out->size = (uint64_t)json_integer_value(size);
	return 0;
}

json_t *
section_format(const struct section *s)
{
	return json_pack("[I,I]", (json_int_t)s->offset, (json_int_t)s->size);
}

int
section_read(int fd, const struct section *s, char **data, struct err *e)
{
	auto_free char *buf = NULL;
	uint64_t size;

	/* Before memory is taken for what a worker only claims to be there. */
	if (fsutil_size(fd, &size, e) == -1)
		return -1;
	if (s->size > size || s->offset > size - s->size)
		return err_set(e, ERR_INVALID, "a section is outside its file");
	buf = mem_alloc((size_t)s->size + 1);
	if (fsutil_pread_all(fd, buf, (size_t)s->size, (off_t)s->offset, e) ==
	    -1)
		return -1;
	buf[s->size] = '\0';
	*data = steal(&buf);
	return 0;
}

int
section_append(
    int fd, const void *data, size_t len, struct section *out, struct err *e)
{
	uint64_t offset;

	if (fsutil_size(fd, &offset, e) == -1 ||
	    fsutil_pwrite_all(fd, data, len, (off_t)offset, e) == -1)
		return -1;
	*out = (struct section){offset, len};
	return 0;
}

int
section_append_file(int fd, int from, struct section *out, struct err *e)
{
	off_t in = 0, to;
	struct section s;

	if (fsutil_size(fd, &s.offset, e) == -1 ||
	    fsutil_size(from, &s.size, e) == -1)
		return -1;
	to = (off_t)s.offset;
	while ((uint64_t)in < s.size) {
		ssize_t n = copy_file_range(
		    from, &in, fd, &to, (size_t)(s.size - (uint64_t)in), 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set_errno(e, "cannot copy a section");
		if (n == 0)
			return err_set(e, ERR_INVALID,
			    "a file shrank while it was copied");
	}
	*out = s;
	return 0;
}
