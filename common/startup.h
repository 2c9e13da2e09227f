/*
 * startup: whether a variant will start: its entrypoint resolves, through
 * PATH and symbolic links, to a kept program whose interpreter and libraries
 * are kept, and has the arguments that the image gives it.
 */
#ifndef WINNOW_STARTUP_H
#define WINNOW_STARTUP_H

#include <jansson.h>

#include "image_config.h"
#include "winnow/err.h"
#include "winnow/selection.h"

/*
 * Checks the variant's config against the selection and against the source's
 * config, of which the edits of the selection's policy may lose arguments.
 * Fills the object `report` with what starts, and adds what will not work, but
 * does not keep the container from starting, to the array `warnings`.
 * ERR_POLICY with the reason and the rule to add.
 */
int
startup_check(const struct selection *s, const struct image_configs *configs,
    json_t *report, json_t *warnings, struct err *e);

#endif
