#!/bin/bash
# A store that can only be read: the start says what is wrong, and nothing is
# lost.
. "$(dirname "$0")/lib.sh"

need_root
need skopeo
small_policies
winnowd_config "oci:$(image_layouts small)"
mkdir "$dir/store"
mount -t tmpfs -o size=100m winnow-test "$dir/store" || bail 'cannot mount'

pull()
{
	rm -rf "$2"
	skopeo copy -q --src-tls-verify=false "docker://$proxy/$1" "dir:$2"
}

start_winnowd
check 'pulled while it can be written' pull small:1 "$dir/before"
stop winnowd
mount -o remount,ro "$dir/store" || bail 'cannot remount'
check 'it does not start on such a store' fails try_ready winnowd 20 \
    answers "http://$proxy/v2/" -- "$winnowd" -c "$dir/winnow.conf"
unset 'pids[winnowd]'
has 'and says why' "$(tail -n 3 "$dir/winnowd.log")" \
    "store.*([Rr]ead-only|readonly)|([Rr]ead-only|readonly).*store"
mount -o remount,rw "$dir/store"
start_winnowd
check 'with a store that can be written it serves again' \
    pull small:1 "$dir/again"
check 'the same bytes again' diff -r "$dir/before" "$dir/again"
stop winnowd
umount "$dir/store"
finish
