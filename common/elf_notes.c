/*
 * .note.dlopen (UAPI group, "ELF dlopen metadata"): notes of the owner "FDO"
 * that hold a JSON array of objects with soname, priority and feature.
 */
#include <string.h>

#include "elf_private.h"
#include "winnow/json.h"
#include "winnow/limits.h"

#define NOTE_OWNER "FDO"
#define NOTE_TYPE 0x407c0c0a
/* Linkers make one per alignment; more only cost time. */
#define NOTE_SEGMENTS_MAX 16

static char *
copy_string(struct elf_reader *r, const char *s)
{
	return arena_strndup(r->arena, s, strlen(s));
}

static enum elf_priority
parse_priority(const char *name)
{
	if (name != NULL && strcmp(name, "required") == 0)
		return ELF_REQUIRED;
	if (name != NULL && strcmp(name, "suggested") == 0)
		return ELF_SUGGESTED;
	return ELF_RECOMMENDED; /* the specification's default */
}

/* The sonames of one object; false when they are not all plain strings. */
static bool
copy_sonames(
    struct elf_reader *r, const json_t *sonames, struct elf_dlopen *entry)
{
	size_t i, count = json_array_size(sonames);

	if (count == 0 || count > LIMIT_ELF_NEEDED)
		return false;
	entry->sonames = arena_zalloc(r->arena, count, sizeof(char *));
	for (i = 0; i < count; i++) {
		json_t *name = json_array_get(sonames, i);

		if (!json_is_string(name) || json_string_length(name) == 0 ||
		    json_string_length(name) > LIMIT_ELF_STRING ||
		    strlen(json_string_value(name)) != json_string_length(name))
			return false;
		entry->sonames[i] = copy_string(r, json_string_value(name));
	}
	entry->count = count;
	return true;
}

/* False for a malformed object. */
static bool
read_object(
    struct elf_reader *r, const json_t *object, struct elf_dlopen *entry)
{
	const char *priority = NULL, *feature = NULL;
	json_t *sonames = NULL;
	struct err ignored;

	if (!json_is_object(object) ||
	    json_get_array(
		object, "soname", JSON_REQUIRED, &sonames, &ignored) == -1 ||
	    json_get_string(
		object, "priority", JSON_OPTIONAL, &priority, &ignored) == -1 ||
	    json_get_string(
		object, "feature", JSON_OPTIONAL, &feature, &ignored) == -1)
		return false;
	if (feature != NULL && strlen(feature) <= LIMIT_ELF_STRING)
		entry->feature = copy_string(r, feature);
	entry->priority = parse_priority(priority);
	return copy_sonames(r, sonames, entry);
}

/* Makes room for one more entry; what was there before is left behind. */
static int
add_entry(struct elf_reader *r, const struct elf_dlopen *entry, struct err *e)
{
	struct elf_facts *facts = r->facts;
	struct elf_dlopen *entries;

	if (facts->dlopen_count == LIMIT_ELF_NEEDED)
		return err_set(e, ERR_LIMIT, "more than %d dlopen notes",
		    LIMIT_ELF_NEEDED);
	if (facts->dlopen_count == r->dlopen_capacity) {
		r->dlopen_capacity += r->dlopen_capacity + 4;
		entries = arena_zalloc(
		    r->arena, r->dlopen_capacity, sizeof(*entries));
		if (facts->dlopen_count > 0)
			memcpy(entries, facts->dlopens,
			    facts->dlopen_count * sizeof(*entries));
		facts->dlopens = entries;
	}
	facts->dlopens[facts->dlopen_count++] = *entry;
	return 0;
}

int
elf_add_dlopen(struct elf_reader *r, char *soname, struct err *e)
{
	struct elf_dlopen entry = {.count = 1, .priority = ELF_RECOMMENDED};

	entry.sonames = arena_zalloc(r->arena, 1, sizeof(char *));
	entry.sonames[0] = soname;
	return add_entry(r, &entry, e);
}

/* Adds the objects of a note's array; what is malformed is passed over. */
static int
read_array(struct elf_reader *r, const json_t *array, struct err *e)
{
	size_t i, count = json_array_size(array);

	for (i = 0; i < count; i++) {
		struct elf_dlopen entry = {0};

		if (!read_object(r, json_array_get(array, i), &entry))
			continue;
		if (add_entry(r, &entry, e) == -1)
			return -1;
	}
	return 0;
}

static int
read_note(struct elf_reader *r, const char *text, size_t len, struct err *e)
{
	auto_json json_t *array = NULL;
	struct err ignored;

	/* The text is padded, and often ended, by NULs. */
	len = strnlen(text, len);
	if (json_parse_array(text, len, "dlopen note", &array, &ignored) == -1)
		return 0;
	return read_array(r, array, e);
}

int
elf_read_notes(struct elf_reader *r, const GElf_Phdr *segment, struct err *e)
{
	Elf_Type type = segment->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
	size_t at = 0, next, name, text;
	Elf_Data *data;
	GElf_Nhdr note;

	if (segment->p_filesz == 0 || r->note_segments == NOTE_SEGMENTS_MAX)
		return 0;
	r->note_segments++;
	data = elf_getdata_rawchunk(
	    r->elf, (int64_t)segment->p_offset, segment->p_filesz, type);
	if (data == NULL)
		return err_set(e, ERR_INVALID, "notes lie outside the file");
	while ((next = gelf_getnote(data, at, &note, &name, &text)) > 0) {
		const char *bytes = data->d_buf;

		if (note.n_type == NOTE_TYPE &&
		    note.n_namesz == sizeof(NOTE_OWNER) &&
		    memcmp(bytes + name, NOTE_OWNER, sizeof(NOTE_OWNER)) == 0 &&
		    read_note(r, bytes + text, note.n_descsz, e) == -1)
			return -1;
		at = next;
	}
	return 0;
}
