/*
 * audit_names: names by which tools that help an intruder are known.
 */
#ifndef WINNOW_AUDIT_NAMES_H
#define WINNOW_AUDIT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The category (enum audit_category) of a program of this name, -1 for
 * none.  Version and target triplet do not count: python3.11, gcc-12,
 * x86_64-linux-gnu-gcc-12.
 */
int audit_name_category(const char *name, size_t len);

/* True for programs that are many in one: busybox, toybox. */
bool audit_name_is_multicall(const char *name, size_t len);

/* True for names that such programs are linked to. */
bool audit_name_is_applet(const char *name, size_t len);

#endif
