/* config_reader: what the parts of config share (files config*.c only). */
#ifndef WINNOW_DAEMON_CONFIG_READER_H
#define WINNOW_DAEMON_CONFIG_READER_H

#include "config.h"
#include "config_keys.h"
#include "winnow/yaml.h"

/* What reading a file needs: its document and directory. */
struct config_reader {
	const struct yaml_doc *doc;
	const struct yaml_node *root;
	const char *path;
};

/* The keys with parts of their own; NULL stands for a missing key. */
void config_read_tls(const struct config_reader *r,
    const struct yaml_node *node, struct config_tls *tls);
void config_check_tls(const struct config_reader *r, const struct config *c);
void config_clear_tls(struct config_tls *tls);
void config_print_tls(const struct config_tls *tls, FILE *out);

/* The references to be warm: their form, and where they stand. */
void config_check_warm(const struct config_reader *r, struct config *c);

void config_read_access(const struct config_reader *r,
    const struct yaml_node *list, struct config *c);
void
config_check_groups(const struct config_reader *r, const struct yaml_node *map);
void config_clear_access(struct config_access *access);
void config_print_access(const struct config_access *access, FILE *out);

/* The value of a key as it is printed; the caller frees it. */
char *config_format_value(const struct config *c, const struct config_key *key);

/* As printed values are quoted and lists are written. */
void config_print_quoted(const char *s, FILE *out);
void config_print_strings(char *const *list, size_t count, FILE *out);

#endif
