/*
 * limits: the bounds on what comes from outside, each with its reason.
 */
#ifndef WINNOW_LIMITS_H
#define WINNOW_LIMITS_H

/* Clients refuse larger manifests; registries accept up to this. */
#define LIMIT_MANIFEST_SIZE (4u << 20)
/* Twice the largest config that containers/image accepts. */
#define LIMIT_CONFIG_SIZE (8u << 20)
/* Real manifests and configs nest less than ten deep. */
#define LIMIT_JSON_DEPTH 32
/* Linux: PATH_MAX and NAME_MAX. */
#define LIMIT_PATH 4096
#define LIMIT_COMPONENT 255
/* Linux follows at most this many symbolic links in one lookup. */
#define LIMIT_SYMLINK_HOPS 40
/* Four times the largest layer that we have seen; bounds a worker's memory. */
#define LIMIT_LAYER_ENTRIES 2000000
/* The kernel's own bound for the values of one file (XATTR_SIZE_MAX). */
#define LIMIT_XATTRS_SIZE 65536
/* Linux: XATTR_NAME_MAX. */
#define LIMIT_XATTR_NAME 255
/* Extended attributes of one entry; ext4 holds fewer. */
#define LIMIT_XATTRS 256
/* Bytes that one layer may inflate to. */
#define LIMIT_LAYER_SIZE (32ull << 30)
/* A bomb: more than this ratio after the first LIMIT_RATIO_FREE bytes. */
#define LIMIT_RATIO 1200
#define LIMIT_RATIO_FREE (64ull << 20)
/* overlayfs stacks 500, docker 127. */
#define LIMIT_LAYERS 256
/* A policy or configuration file; ours are under 4 KiB. */
#define LIMIT_YAML_SIZE (1u << 20)
/* An ELF file is mapped to be looked at: within a worker's address space (2 GiB
 * by default).  The largest that we know of, of CUDA, have 1 GiB. */
#define LIMIT_ELF_SIZE (1536ull << 20)
/* An ELF file's needed libraries, and the length of its strings. */
#define LIMIT_ELF_NEEDED 1024
#define LIMIT_ELF_STRING 4096
/* The first line of a script: twice Linux' BINPRM_BUF_SIZE. */
#define LIMIT_SCRIPT_LINE 512
/* What is read of a shell script for the programs that it calls: four times
 * the longest entrypoint that we have seen. */
#define LIMIT_SCRIPT_SIZE (64u << 10)
/* Such a program's name or path, and all of one script with blanks between:
 * scripts of 64 KiB call under a hundred. */
#define LIMIT_SCRIPT_CALL 128
#define LIMIT_SCRIPT_CALLS 4096
/* A small file kept in the layer index (package databases, ld.so.conf). */
#define LIMIT_INDEXED_CONTENT (16u << 20)
/* All such files of one layer. */
#define LIMIT_INDEXED_CONTENT_TOTAL (64u << 20)
/* A serialized layer index: 2 million entries of 300 bytes, with contents. */
#define LIMIT_LAYER_INDEX_SIZE (1ull << 30)
/* Index entries (platforms and attestations) in an image index. */
#define LIMIT_INDEX_MANIFESTS 512
/* How deep an index may hold indexes. */
#define LIMIT_INDEX_DEPTH 4
/* Files in a saved archive: hundreds of images of 256 layers. */
#define LIMIT_ARCHIVE_MEMBERS 100000
/* Repository names, after which clients and registries refuse. */
#define LIMIT_REPOSITORY 255
#define LIMIT_TAG 128
/* Patterns and rules in one policy with its sets. */
#define LIMIT_POLICY_RULES 10000

#endif
