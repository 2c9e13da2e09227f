/*
 * hints: families of files that kept programs open by names that no ELF file
 * tells (NSS, PAM, iconv, ...), where the source has them and the variant
 * does not.  Nothing is wrong for sure: an admin is told before production
 * tells.
 */
#ifndef WINNOW_HINTS_H
#define WINNOW_HINTS_H

#include <jansson.h>

#include "winnow/selection.h"

/*
 * The "hints" of a report, a new reference: an array of objects `family`,
 * `files` (how many the source has and the variant has not), `example`, `text`.
 * A policy's ignore_hints leaves families out.
 */
json_t *hints_make(const struct selection *s);

#endif
