/*
 * marks: what the bytes of a file say it is, whatever its name: strings that
 * one program alone contains, and private keys.
 *
 * Fed while a layer streams by, in pieces of any size; holds a fixed amount
 * of memory.  Of ELF files only those that can be run are searched, and of
 * these only segments without code, where there are such.
 */
#ifndef WINNOW_MARKS_H
#define WINNOW_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "winnow/auto.h"

/* Numbers are part of a serialized layer index. */
enum mark {
	MARK_BASH,
	MARK_ASH, /* dash, klibc's sh, the ash of BusyBox */
	MARK_ZSH,
	MARK_MKSH,
	MARK_PDKSH, /* oksh, loksh, posh */
	MARK_KSH93,
	MARK_YASH,
	MARK_CSH,
	MARK_FISH,
	MARK_ELVISH,
	MARK_RC,
	MARK_SASH,
	MARK_TOYSH,
	MARK_BUSYBOX,
	MARK_TOYBOX,
	MARK_COREUTILS, /* GNU, all in one file */
	MARK_UUTILS,
	MARK_DPKG,
	MARK_APK,
	MARK_PERL,
	MARK_PYTHON,
	MARK_LUA,
	MARK_PHP,
	MARK_NODE,
	MARK_RUBY,
	MARK_GDB,
	MARK_CURL,
	MARK_WGET,
	MARK_PRIVATE_KEY,
	MARK_PACKED, /* by UPX: nothing else can be told of it */
	MARKS
};
#define MARK_BIT(mark) (UINT32_C(1) << (mark))

/* What a report calls it: "GNU bash". */
const char *mark_name(enum mark mark);

struct marks;

struct marks *marks_new(void);
void marks_free(struct marks *m);

AUTO_DEFINE(marks, marks_free)
#define auto_marks __attribute__((cleanup(auto_marks_cleanup)))

/* A new file of `size` bytes; the path matters for its suffix alone. */
void marks_start(struct marks *m, const char *path, uint64_t size);
/* Its next bytes; `data` is NULL for a hole. */
void marks_take(struct marks *m, const char *data, uint64_t len);
/* False once further bytes would change nothing. */
bool marks_wants_more(const struct marks *m);
/* The marks found, a MARK_BIT() each. */
uint32_t marks_finish(struct marks *m);

#endif
