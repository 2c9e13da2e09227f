/*
 * ldcache_image: the bytes of an ld.so.cache.
 */
#ifndef WINNOW_TESTS_LDCACHE_IMAGE_H
#define WINNOW_TESTS_LDCACHE_IMAGE_H

#include <stdbool.h>

#include "winnow/strbuf.h"

struct ldcache_image {
	bool big_endian;
	bool old_form; /* with the form of glibc up to 2.31 in front */
};

/*
 * Appends a cache of "NAME=PATH" words; "NAME=PATH?" is a variant for some
 * CPUs only.
 */
void ldcache_image_add(
    struct strbuf *out, const struct ldcache_image *image, const char *words);

#endif
