/*
 * report: what an admin reads about a variant (doc/internals/report.md).
 */
#ifndef WINNOW_REPORT_H
#define WINNOW_REPORT_H

#include <jansson.h>

#include "winnow/audit.h"
#include "winnow/selection.h"

/*
 * A new report on a selection: sizes, packages, rules, and the selection's
 * warnings.  "source", "startup" and "audit" are the caller's to add.
 */
json_t *report_new(const struct selection *s, const bool *kept);

/* The audits of the source and of the variant, compared. */
json_t *report_audit(const struct audit *source, const struct audit *variant);

/*
 * The fatal findings for a message: "shell /usr/bin/dash, setuid
 * /usr/bin/su and 3 more".  The caller frees.
 */
char *report_fatal_findings(const struct audit *a);

#endif
