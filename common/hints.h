/*
 * hints: families of files that kept programs open by names that no ELF file
 * tells (NSS, PAM, iconv, ...), and programs that kept scripts call, where the
 * source has them and the variant does not.  Nothing is wrong for sure: an
 * admin is told before production tells.
 */
#ifndef WINNOW_HINTS_H
#define WINNOW_HINTS_H

#include <jansson.h>

#include "winnow/selection.h"

/*
 * The "hints" of a report, a new reference: an array of objects `family`,
 * `files` (how many the source has and the variant has not), `example`, `text`;
 * of the family "scripts", one per script, `script` and `programs` too.  A
 * policy's ignore_hints leaves families out.  `config` is the variant's.
 */
json_t *hints_make(const struct selection *s, const json_t *config);

#endif
