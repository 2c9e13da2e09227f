#include <inttypes.h>
#include <unistd.h>

#include "config.h"
#include "config_keys.h"
#include "config_reader.h"
#include "config_upstream.h"
#include "winnow/mem.h"

static const void *
field(const struct config *c, size_t offset)
{
	return (const char *)c + offset;
}

/* A double-quoted YAML scalar. */
void
config_print_quoted(const char *s, FILE *out)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		if ((unsigned char)*s < ' ')
			fprintf(out, "\\x%02x", (unsigned char)*s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

/* The number in the largest unit that is exact. */
static void
print_in_units(uint64_t value, const char *const *units,
    const uint64_t *factors, FILE *out)
{
	size_t i = 0;

	while (units[i + 1] != NULL && value > 0 && value % factors[i] == 0) {
		value /= factors[i];
		i++;
	}
	fprintf(out, "%" PRIu64 "%s", value, units[i]);
}

void
config_print_strings(char *const *list, size_t count, FILE *out)
{
	size_t i;

	fputc('[', out);
	for (i = 0; i < count; i++) {
		if (i > 0)
			fputs(", ", out);
		config_print_quoted(list[i], out);
	}
	fputc(']', out);
}

static void
print_member(const char *name, const char *value, FILE *out)
{
	if (value == NULL)
		return;
	fprintf(out, "\n    %s: ", name);
	config_print_quoted(value, out);
}

static void
print_upstreams(const struct config *c, FILE *out)
{
	size_t i, j;

	for (i = 0; i < c->upstream_count; i++) {
		const struct config_upstream *u = &c->upstreams[i];

		fputs("\n  ", out);
		config_print_quoted(u->host, out);
		fputc(':', out);
		for (j = 0; j < config_member_count; j++)
			print_member(config_members[j].name,
			    *(char *const *)((const char *)u +
				config_members[j].offset),
			    out);
		if (u->fallback_count == 0)
			continue;
		fputs("\n    fallbacks: ", out);
		config_print_strings(u->fallbacks, u->fallback_count, out);
	}
}

static void
print_value(const struct config *c, const struct config_key *key, FILE *out)
{
	static const char *const durations[] = {"ms", "s", "m", "h", NULL};
	static const uint64_t duration_factors[] = {1000, 60, 60};
	static const char *const sizes[] = {"", "K", "M", "G", "T", NULL};
	static const uint64_t size_factors[] = {1024, 1024, 1024, 1024};
	const void *p = field(c, key->offset);

	switch (key->type) {
	case CONFIG_ACCESS:
		config_print_access(p, out);
		break;
	case CONFIG_GROUPS:
		break;
	case CONFIG_ACTION:
		fputs(c->default_action == CONFIG_DENY ? "deny" : "pass", out);
		break;
	case CONFIG_BOOL:
		fputs(*(const bool *)p ? "true" : "false", out);
		break;
	case CONFIG_DURATION:
		print_in_units(
		    *(const uint64_t *)p, durations, duration_factors, out);
		break;
	case CONFIG_SIZE:
		print_in_units(*(const uint64_t *)p, sizes, size_factors, out);
		break;
	case CONFIG_NUMBER:
		fprintf(out, "%" PRIu64, *(const uint64_t *)p);
		break;
	case CONFIG_PATH:
	case CONFIG_STRING:
		if (*(char *const *)p != NULL)
			config_print_quoted(*(char *const *)p, out);
		break;
	case CONFIG_STRINGS:
		config_print_strings(*(char **const *)p,
		    *(const size_t *)field(c, key->count_offset), out);
		break;
	case CONFIG_TLS:
		config_print_tls(p, out);
		break;
	case CONFIG_UPSTREAMS:
		print_upstreams(c, out);
		break;
	}
}

char *
config_format_value(const struct config *c, const struct config_key *key)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		_exit(MEM_EXIT_STATUS);
	print_value(c, key, out);
	fclose(out);
	return text;
}

void
config_print(const struct config *c, FILE *out)
{
	size_t i;

	for (i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		auto_free char *value = config_format_value(c, key);

		/* What has no value is not there. */
		fprintf(out, "# %s%s\n%s%s: %s\n", key->doc,
		    key->reload ? "" : " (changed by a restart)",
		    *value == '\0' ? "#" : "", key->name, value);
	}
}
