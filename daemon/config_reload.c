#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "config_reader.h"
#include "winnow/log.h"

static void
swap_bytes(void *a, void *b, size_t size)
{
	unsigned char *x = a, *y = b;
	size_t i;

	for (i = 0; i < size; i++) {
		unsigned char byte = x[i];

		x[i] = y[i];
		y[i] = byte;
	}
}

static size_t
size_of(enum config_type type)
{
	switch (type) {
	case CONFIG_ACCESS:
		return sizeof(struct config_access);
	case CONFIG_ACTION:
		return sizeof(enum config_default);
	case CONFIG_BOOL:
		return sizeof(bool);
	case CONFIG_DURATION:
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
		return sizeof(uint64_t);
	case CONFIG_PATH:
	case CONFIG_STRING:
		return sizeof(char *);
	case CONFIG_STRINGS:
		return sizeof(char **);
	case CONFIG_TLS:
		return sizeof(struct config_tls);
	case CONFIG_GROUPS:
	case CONFIG_UPSTREAMS:
		break;
	}
	return 0;
}

static bool
is_same(const struct config *a, const struct config *b,
    const struct config_key *key)
{
	auto_free char *x = config_format_value(a, key);
	auto_free char *y = config_format_value(b, key);

	return strcmp(x, y) == 0;
}

void
config_adopt(struct config *c, struct config *fresh)
{
	size_t i;

	for (i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (is_same(c, fresh, key))
			continue;
		log_event(key->reload ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		    key->reload ? "reload.key" : "reload.restart", "key",
		    key->name, NULL);
		if (!key->reload)
			continue;
		swap_bytes((char *)c + key->offset, (char *)fresh + key->offset,
		    size_of(key->type));
		if (key->type == CONFIG_STRINGS)
			swap_bytes((char *)c + key->count_offset,
			    (char *)fresh + key->count_offset, sizeof(size_t));
	}
}
