#!/bin/bash
# The package databases of a variant list exactly the packages whose files
# are left: dpkg reads and verifies its own, apk's is read strictly.
. "$(dirname "$0")/lib.sh"

need_root
need umoci dpkg-query musl-gcc

# strip_image NAME PROGRAM PATTERN...: the image unpacked, before and after.
strip_image()
{
	local name=$1 layout
	shift
	layout=$(image_layouts "$name")/library/$name
	printf 'repository: docker.io/library/%s\nkeep:\n' "$name" \
	    > "$dir/$name.yaml"
	printf '  - %s\n' "$@" >> "$dir/$name.yaml"
	printf 'config:\n  entrypoint: [%s]\n' "$1" >> "$dir/$name.yaml"
	check "$name: it is stripped" "$winnow" strip \
	    --sets "$top_srcdir/conf/sets.d" --policy "$dir/$name.yaml" \
	    "oci:$layout:1" "oci:$dir/$name.variant:1"
	check "$name: it is unpacked" \
	    "$tests/lib/unpack.py" "$layout" "$dir/$name.source"
	check "$name: and the variant" "$tests/lib/unpack.py" \
	    "$dir/$name.variant" "$dir/$name.root"
	check "$name: it lists what survives" \
	    "$tests/lib/packages.py" "$dir/$name.source" "$dir/$name.root"
}

installed()
{
	dpkg-query --admindir="$dir/loader.root/var/lib/dpkg" -W \
	    -f '${Package}\n' | tr '\n' ' '
}

# Debian: perl by its file, a whole package, documentation of another.
strip_image loader /usr/bin/perl 'package: grep' '/usr/share/doc/bash/**'
has 'dpkg: perl, grep and their libraries' "$(installed)" \
    '^base-files .*grep .*libpcre2-8-0 .*perl-base '
check 'dpkg: not bash' lacks "$(installed)" '\bbash '
strip_image musl /opt/app/bin/standard '/usr/share/doc/**'
is 'apk: the program, its library, the loader' \
    "$(sed -n 's/^P://p' "$dir/musl.root/lib/apk/db/installed" | tr '\n' ' ')" \
    'musl alpine-release apps standard '
finish
