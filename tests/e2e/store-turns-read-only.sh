#!/bin/bash
# A store that turns read-only under a running winnowd, as ext4 does after an
# error: what is stored is served, what is not gets a 5xx that says why, and
# /readyz, the metrics and `winnow status` say it, too.  Where it can be
# written again, winnowd goes on by itself.  (`mount -o remount,ro` is refused
# by the kernel while the database is open.)
. "$(dirname "$0")/lib.sh"

need_root
need docker-registry skopeo python3 cc mkfs.ext4
small_policies
layouts=$(image_layouts small)
python3 "$tests/lib/zoo_layout.py" "$dir/zoo" || bail 'cannot make images'
start_upstream "$layouts" small:1 -- "$dir/zoo" image:1
admin=127.0.0.1:$(free_port)
winnowd_config "$upstream" "admin: [\"$admin\"]"

pull()
{
	rm -rf "$2"
	skopeo copy -q --src-tls-verify=false "docker://$proxy/$1" "dir:$2"
}

# Each names the file and the cause.
cause='(store|winnow.db).*([Rr]ead-only|readonly)'
refused()
{
	local code
	code=$(curl -sS -o "$dir/body" -w '%{http_code}' -H "Accept: $accept" \
	    "http://$proxy/v2/small/manifests/1") || return 1
	cat "$dir/body"
	same "$code" 500 && grep -qE "$cause" "$dir/body"
}

ready() { curl -fsS "http://$admin/readyz"; }
writable() { curl -fsS "http://$admin/metrics" | awk '/^winnow_cache_writable / { print $2 }'; }
says() { grep -q "$1" "$dir/winnowd.log"; }

# read_only: from an image that is stored, with the store read-only.
read_only()
{
	check 'what is stored is served' pull original/image:1 "$dir/warm"
	check 'with the same bytes' diff -r "$dir/before" "$dir/warm"
	# Uses are written every ten seconds, and a tag when upstream was asked.
	check 'core tries to write, says so' wait_for 30 says store.unwritable
	check 'what is not stored gets an answer that says why' refused
	check 'what is stored is served still' pull original/image:1 "$dir/warm"
	check 'with the same bytes' diff -r "$dir/before" "$dir/warm"
	has '/readyz says it' "$(ready)" "ready for what is stored: .*$cause"
	is 'the metrics say it' "$(writable)" 0
	has 'winnow status says it' \
	    "$(admin status 2>&1)" \
	    "CANNOT BE WRITTEN: .*$cause"
	has 'the log of the pull says why' "$(grep -v store.unwritable "$dir/winnowd.log")" "$cause"
	check 'core is the same process' kill -0 "${pids[winnowd]}"
}

note 'a real filesystem after an error'
mkdir "$dir/store"
truncate -s 64m "$dir/ext4"
mkfs.ext4 -q -O ^has_journal "$dir/ext4" &&
    mount -o loop,errors=remount-ro "$dir/ext4" "$dir/store" ||
    bail 'cannot mount an ext4'
start_winnowd
check 'pulled while it can be written' pull original/image:1 "$dir/before"
is 'it is ready' "$(ready)" ready
is 'and writable' "$(writable)" 1
# What ext4 has not written by now is lost, whoever owns it.
sync -f "$dir/store"
device=$(findmnt -no SOURCE "$dir/store")
echo 1 > "/sys/fs/ext4/${device#/dev/}/trigger_fs_error"
check 'the filesystem is read-only' fails touch "$dir/store/file"
read_only
stop winnowd
wait_for 20 umount "$dir/store" || bail "cannot unmount"
e2fsck -fy "$dir/ext4" > "$dir/e2fsck.log" 2>&1
mount -o loop "$dir/ext4" "$dir/store" || bail 'cannot mount it again'
start_winnowd
check 'after a repair what was stored is served' pull original/image:1 "$dir/warm"
check 'with the same bytes' diff -r "$dir/before" "$dir/warm"
check 'and the rest can be pulled' pull small:1 "$dir/cold"
stop winnowd
wait_for 20 umount "$dir/store" || bail "cannot unmount"

note 'a store that can be written again'
# Here upstream is asked about the tag each time.
echo 'tag_ttl: 0' >> "$dir/winnow.conf"
: > "$dir/winnowd.log"
make -s -C "$top_builddir" tests/lib/libfaults.so || bail 'no libfaults.so'
mount -t tmpfs -o size=100m winnow-test "$dir/store" || bail 'cannot mount'

# turn AT: the store is read-only from the write AT on; 0: it is not.
turn()
{
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$tests/lib python3 -c '
import os, sys
from store_faults import Faults, MODES
Faults(sys.argv[1], os.stat(sys.argv[2]).st_dev).arm(
    int(sys.argv[3]), MODES["read-only"])' "$dir/faults" "$dir/store" "$1"
}

turn 0
export FAULTS=$dir/faults
start_ready winnowd 20 answers "http://$proxy/v2/" -- env \
    LD_PRELOAD="$top_builddir/tests/lib/libfaults.so" \
    "$winnowd" -c "$dir/winnow.conf"
check 'pulled while it can be written' pull original/image:1 "$dir/before"
turn 1
read_only
turn 0
check 'what was refused can be pulled' pull small:1 "$dir/again"
check 'with the same bytes' diff -r "$dir/cold" "$dir/again"
is 'it is ready' "$(ready)" ready
is 'and writable' "$(writable)" 1
check 'the log says so' says store.writable
stop winnowd
wait_for 20 umount "$dir/store" || bail "cannot unmount"
finish
