/* hints, in two files: families of files, and what scripts call. */
#ifndef WINNOW_HINTS_PRIVATE_H
#define WINNOW_HINTS_PRIVATE_H

#include "hints.h"

/* True when the policy does not want to hear of this. */
bool hints_are_ignored(const struct policy *p, const char *family);

/* Adds a hint per kept script that calls programs which are not kept. */
void hints_add_scripts(
    json_t *hints, const struct selection *s, const json_t *config);

#endif
