/* The constants of a serialized layer index (layer_index_format.c). */
#ifndef WINNOW_LAYER_INDEX_BYTES_H
#define WINNOW_LAYER_INDEX_BYTES_H

#define LAYER_INDEX_MAGIC "WNLAYER\n"
#define LAYER_INDEX_MAGIC_LEN 8

/* The shortest entry, path "": numbers, flags and one empty string. */
#define LAYER_ENTRY_BYTES_MIN 71

#define LAYER_ELF_BIG_ENDIAN 1u
#define LAYER_ELF_DYNAMIC 2u
#define LAYER_ELF_NODEFAULTLIB 4u
#define LAYER_ELF_ICONV 8u
#define LAYER_ELF_LOCALE 16u
#define LAYER_ELF_FLAGS 31u

#endif
