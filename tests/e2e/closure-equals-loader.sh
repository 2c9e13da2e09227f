#!/bin/bash
# What winnow thinks that each ELF file loads is what the image's own loader
# lists: a Debian 12 with programs that use every rule of glibc's loader, and
# the same programs with musl.
. "$(dirname "$0")/lib.sh"

need_root
need umoci gcc musl-gcc
[ -x "$top_builddir/tests/closure/list_closure" ] ||
    make -s -C "$top_builddir" tests/closure/list_closure > "$dir/make.log" 2>&1 ||
    bail "no list_closure: run make check first"
check 'glibc: zero differences' "$tests/closure/images.sh" loader
check 'musl: zero differences' "$tests/closure/images.sh" musl
finish
