/*
 * image_config: the image config of the OCI image specification (config.md):
 * what it promises about the root filesystem, and a policy's edits to it.
 * Members that winnow does not know stay as they are, in their order.
 */
#ifndef WINNOW_IMAGE_CONFIG_H
#define WINNOW_IMAGE_CONFIG_H

#include <jansson.h>

#include "lookup.h"
#include "winnow/err.h"
#include "winnow/selection.h"
#include "winnow/tree.h"

/*
 * Parses a config of an image with `layers` layers.  *out is a new reference;
 * its member "config" is an object, "rootfs"."diff_ids" has `layers`
 * digests.  ERR_INVALID when config and layers disagree.
 */
int image_config_parse(
    const void *data, size_t len, size_t layers, json_t **out, struct err *e);

/*
 * Gives the members that clients know the names that they are known by: see
 * json_spell().  image_config_parse() does.
 */
int image_config_spell(json_t *config, struct err *e);

/*
 * Applies the edits of a policy's `config:` (or NULL) to the config of an
 * image with these files.  As in a Dockerfile, a new entrypoint without a cmd
 * drops the source's Cmd, which was written for another program.  ERR_POLICY
 * where the image has not the one path that a pattern is to name.
 */
int image_config_edit(
    json_t *config, const json_t *edits, const struct tree *t, struct err *e);

/*
 * The edits with the path that each pattern ({"path": PATTERN}) names in its
 * place: a new reference in *out.  Several names of one file count as one.
 */
int image_config_resolve(
    const json_t *edits, const struct tree *t, json_t **out, struct err *e);

/* The config of a source, and what a policy's edits made of it; borrowed. */
struct image_configs {
	const json_t *source, *variant;
};

/*
 * Adds a warning where that took arguments away, as of Cmd ["haproxy", "-f",
 * FILE], and the new entrypoint does not have them; and one where there is
 * nothing to start.  The tree is the source's.
 */
void image_config_warn(const struct image_configs *configs,
    const struct tree *t, const json_t *edits, json_t *warnings);

/*
 * What a selection takes from the config, whose strings it borrows: the
 * directories that must exist when a container starts (volumes, the working
 * directory, and the user's home where the tree has it), and what the loader
 * takes from the environment.  image_config_clear_selection() releases.
 */
int image_config_selection(const json_t *config, const struct tree *t,
    struct selection_config *out, struct err *e);
void image_config_clear_selection(struct selection_config *out);

/*
 * Members of "config", borrowed: an array of strings ("Entrypoint", "Cmd",
 * "Env"; NULL when missing or empty) and a string ("User"; "" when missing).
 */
const json_t *image_config_list(const json_t *config, const char *key);
const char *image_config_string(const json_t *config, const char *key);
/*
 * The value of an environment variable, or NULL.  The last of several counts:
 * runtimes set one after the other.
 */
const char *image_config_env(const json_t *config, const char *name);
/* The variables of the loader, borrowed. */
struct closure_env image_config_closure_env(const json_t *config);
/* How a container finds its programs among what is kept, borrowed. */
struct lookup
image_config_lookup(const json_t *config, const struct selection *s);

/*
 * The line of a passwd(5) or group(5) file whose first field is `name`, or,
 * for a number, whose third field it is: NULL when there is none.  The line
 * ends at its newline or at the end of the text.
 */
const char *image_config_account(
    const char *text, size_t len, const char *name, size_t name_len);

#endif
