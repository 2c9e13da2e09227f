#!/bin/bash
# compare.py must accept a true restriction and see every doctored property.
# TAP.  Needs root for owners, devices and capabilities.
set -uo pipefail

compare=$(cd "$(dirname "$0")" && pwd)/compare.py
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 77; }
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
count=0 failed=0

make_source()
{
	mkdir -p "$top/source/dir/sub" "$top/source/gone"
	cd "$top/source" || exit 1
	echo content > dir/file
	echo status > dir/status
	echo linked > dir/a
	ln dir/a dir/b
	ln dir/a gone/c
	cp dir/a dir/d
	ln -s file dir/symlink
	mknod dir/device c 1 3
	mkfifo dir/fifo
	: > $'dir/caf\xe9'
	setfattr -n user.note -v kept dir/file
	setcap cap_net_raw+ep dir/d
	touch -d '2001-02-03 04:05:06.789Z' dir/file
	cd / || exit 1
}

# result OK NAME: one line of TAP.
result()
{
	count=$((count + 1))
	[ "$1" = 0 ] || { failed=1; printf 'not '; }
	echo "ok $count - $2"
}

# doctor NAME COMMAND: the comparison must fail after the command, and name
# the property.
doctor()
{
	rm -rf "$top/variant"
	cp -a "$top/source" "$top/variant"
	rm -rf "$top/variant/gone"
	touch -r "$top/source" "$top/variant"
	(cd "$top/variant/dir" && eval "$2") || echo "# cannot: $2"
	python3 "$compare" --rewritten dir/status \
	    "$top/source" "$top/variant" > "$top/out"
	[ $? = 1 ] && grep -q "$1" "$top/out"
	result $? "sees: $1 ($2)"
}

make_source
cp -a "$top/source" "$top/variant"
rm -rf "$top/variant/gone"
echo rewritten > "$top/variant/dir/status"
python3 "$compare" --rewritten dir/status "$top/source" "$top/variant" \
    > "$top/out"
result $? "accepts a restriction with a rewritten file"
printf '/dir/file\n/dir/absent\n' > "$top/expected"
! python3 "$compare" --rewritten dir/status --expect "$top/expected" \
    "$top/source" "$top/variant" > "$top/out"
result $? "wants the expected paths"
grep -q '/dir/absent: expected' "$top/out"
result $? "names the missing path"

doctor '/dir/file: mode is 0600' 'chmod 600 file'
doctor '/dir/file: mode is 4644' 'chmod u+s file'
doctor '/dir/file: uid' 'chown 7 file'
doctor '/dir/file: gid' 'chgrp 7 file'
doctor '/dir/symlink: uid' 'chown -h 7 symlink'
doctor '/dir/file: mtime' 'touch -d "2001-02-03 04:05:06.788Z" file'
doctor '/dir/sub: mtime' 'touch sub'
doctor '/dir/file: size' 'echo >> file'
doctor '/dir/file: sha256' 'echo CONTENT > file'
doctor '/dir/symlink: target' 'ln -sf a symlink'
doctor '/dir/symlink: type' 'rm symlink; cp file symlink'
doctor '/dir/sub: type' 'rmdir sub; : > sub'
doctor '/dir/device: device' 'rm device; mknod device c 1 5'
doctor '/dir/device: type' 'rm device; mknod device b 1 3'
doctor '/dir/fifo: type' 'rm fifo; : > fifo'
doctor '/dir/file: xattrs' 'setfattr -n user.note -v other file'
doctor '/dir/file: xattrs' 'setfattr -x user.note file'
doctor '/dir/d: xattrs' 'setcap -r d'
doctor '/dir/a: linked' 'cp -p b x; mv x b'
doctor '/dir/d: linked' 'ln -f a d'
doctor '/dir/new: not in' ': > new'
doctor '/dir/status: mode' 'chmod 600 status'
doctor '/dir/caf\\xe9: mode' 'chmod 600 caf*'
doctor '/: mode' 'chmod 700 ..'
rm -rf "$top/variant"
mkdir "$top/variant"
! python3 "$compare" "$top/source" "$top/variant" > "$top/out"
result $? "refuses an empty variant"
echo "1..$count"
exit $failed
