/*
 * ldconf: the library directories that an image configures: ld.so.conf with
 * its includes (ldconfig(8)), and musl's /etc/ld-musl-ARCH.path.
 */
#ifndef WINNOW_LDCONF_H
#define WINNOW_LDCONF_H

#include "winnow/tree.h"

/* With the name of the machine. */
#define LDCONF_MUSL_PATH "/etc/ld-musl-%s.path"

/* Calls `add` with each directory of etc/ld.so.conf, in its order. */
void ldconf_read_glibc(const struct tree *t,
    void (*add)(void *arg, const char *dir, size_t len), void *arg);

/*
 * The same for musl's path file of `arch` ("x86_64"), or its built-in
 * directories when the image has none.
 */
void ldconf_read_musl(const struct tree *t, const char *arch,
    void (*add)(void *arg, const char *dir, size_t len), void *arg);

#endif
