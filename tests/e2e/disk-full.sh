#!/bin/bash
# A disk that is full at any moment: the client gets an error that says so, no
# torn blob is kept, and with room again the same daemon (or, where its
# database failed, the next one) serves the same bytes.
. "$(dirname "$0")/lib.sh"

need_root
need skopeo
small_policies
layouts=$(image_layouts small)
winnowd_config "oci:$layouts"
disk=$dir/store
mkdir "$disk"

# new_disk SIZE: an empty store of that size.
new_disk()
{
	umount "$disk" 2> /dev/null
	mount -t tmpfs -o "size=$1" winnow-test "$disk" || bail 'cannot mount'
}

pull()
{
	rm -rf "$2"
	skopeo copy -q --src-tls-verify=false "docker://$proxy/$1" "dir:$2"
}

alive() { kill -0 "${pids[winnowd]}" 2> /dev/null && answers "http://$proxy/v2/"; }

# After a failed database write core ends; a service manager starts it again.
revive()
{
	local pid=${pids[winnowd]}
	alive && return
	wait_for 20 gone "$pid" || return 1
	stop winnowd
	start_winnowd
}

new_disk 100m
start_winnowd
pull small:1 "$dir/variant" && pull original/small:1 "$dir/original" ||
    bail 'the image cannot be pulled at all'
used=$(du -sk "$disk" | cut -f1)
stop winnowd

# full SIZE-KIB: from a store of that size to one with room.
failed_pulls=0
full()
{
	local name
	new_disk "${1}k"
	if ! try_ready winnowd 20 answers "http://$proxy/v2/" -- \
	    "$winnowd" -c "$dir/winnow.conf"; then
		# No room for a database: it says so and ends.
		wait_for 20 gone "${pids[winnowd]}" || return 1
		unset 'pids[winnowd]'
		tail -n 5 "$dir/winnowd.log" | grep -qE 'full|No space' || return 1
		failed_pulls=$((failed_pulls + 1))
		mount -o remount,size=100m "$disk"
		start_winnowd
	fi
	for name in variant original; do
		case $name in
		variant) image=small:1 ;;
		original) image=original/small:1 ;;
		esac
		if ! pull "$image" "$dir/got" > "$dir/pull.out" 2>&1; then
			failed_pulls=$((failed_pulls + 1))
			cat "$dir/pull.out"
		fi
	done
	lacks "$(torn "$disk")" . || return 1
	mount -o remount,size=100m "$disk"
	revive || return 1
	pull small:1 "$dir/got" && diff -r "$dir/variant" "$dir/got" || return 1
	pull original/small:1 "$dir/got" && diff -r "$dir/original" "$dir/got" ||
	    return 1
	stop winnowd
	[ -z "$(torn "$disk")" ]
}

for percent in 1 3 6 10 20 35 50 65 80 90 97; do
	check "$percent % of the room that is needed" full $((used * percent / 100))
done
check 'it was full often enough' [ "$failed_pulls" -ge 11 ]
has 'the log says what it was' "$(cat "$dir/winnowd.log")" \
    'No space left on device|database or disk is full'
umount "$disk"
finish
