/* inflate, with the decoder of gzip to choose: for the tests of both. */
#ifndef WINNOW_INFLATE_PRIVATE_H
#define WINNOW_INFLATE_PRIVATE_H

#include "inflate_codec.h"
#include "winnow/inflate.h"

/* As inflate_new(); `gzip` (static) decodes gzip members. */
struct inflate *
inflate_new_with(const struct blob_source *source, const struct codec *gzip);

#endif
