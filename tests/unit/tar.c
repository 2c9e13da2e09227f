#include "tar.h"

#include <stdio.h>
#include <string.h>

static void
put_octal(char *field, int width, uint64_t value)
{
	int i;

	for (i = width - 2; i >= 0; i--, value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

static void
put_checksum(char header[512])
{
	unsigned sum = 0, i;

	memset(header + 148, ' ', 8);
	for (i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	put_octal(header + 148, 7, sum);
}

void
tar_add(struct strbuf *out, const struct tar_member *member)
{
	static const char zeros[512];
	size_t size = member->size;
	char header[512] = {0};

	if (size == 0 && member->data != NULL)
		size = strlen(member->data);
	memcpy(header, member->name, strnlen(member->name, 100));
	put_octal(header + 100, 8, member->mode);
	put_octal(header + 108, 8, member->uid);
	put_octal(header + 116, 8, member->gid);
	put_octal(header + 124, 12, size);
	put_octal(header + 136, 12, member->mtime);
	header[156] = member->type == 0 ? '0' : member->type;
	if (member->link != NULL)
		memcpy(header + 157, member->link, strnlen(member->link, 100));
	memcpy(header + 257, "ustar\00000", 8);
	put_octal(header + 329, 8, member->major);
	put_octal(header + 337, 8, member->minor);
	put_checksum(header);
	strbuf_add(out, header, sizeof(header));
	if (member->data == NULL)
		return;
	strbuf_add(out, member->data, size);
	strbuf_add(out, zeros, (512 - size % 512) % 512);
}

static void
add_record(struct strbuf *out, const struct tar_record *record)
{
	size_t len = record->len == 0 ? strlen(record->value) : record->len;
	size_t rest = 1 + strlen(record->key) + 1 + len + 1, total = rest + 1;

	/* The length counts its own digits. */
	while (rest + (size_t)snprintf(NULL, 0, "%zu", total) != total)
		total++;
	strbuf_add_format(out, "%zu %s=", total, record->key);
	strbuf_add(out, record->value, len);
	strbuf_add_char(out, '\n');
}

void
tar_add_pax(struct strbuf *out, const struct tar_record *records, size_t count)
{
	struct tar_member member = {.name = "pax", .type = 'x'};
	auto_strbuf struct strbuf data;
	size_t i;

	strbuf_init(&data, 1 << 20);
	for (i = 0; i < count; i++)
		add_record(&data, &records[i]);
	member.data = data.data;
	member.size = data.len;
	tar_add(out, &member);
}

void
tar_end(struct strbuf *out)
{
	static const char zeros[1024];

	strbuf_add(out, zeros, sizeof(zeros));
}
