/* optional: a text that may be missing, which is NULL. */
#ifndef WINNOW_DAEMON_OPTIONAL_H
#define WINNOW_DAEMON_OPTIONAL_H

#include "winnow/mem.h"

/* A copy that the caller frees; NULL of NULL. */
static inline char *
optional_copy(const char *s)
{
	return s == NULL ? NULL : mem_strdup(s);
}

#endif
