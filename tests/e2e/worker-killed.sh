#!/bin/bash
# A worker killed in the middle of a rewrite: the client gets an OCI error
# that names the reason, and the next pull works.
. "$(dirname "$0")/lib.sh"

start_winnowd "oci:$(image_layouts postgres)" 'wait: 5m'

workers() { pgrep -P "${pids[winnowd]}" | while read -r pid; do
	tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q worker && echo "$pid"; done; }

# busy PID: it is at work.  It may be over in a second.
busy()
{
	[ "$(awk '{ print $14 + $15 }' "/proc/$1/stat")" -gt 5 ]
}

kill_busy()
{
	local pid
	for pid in $(workers); do
		if busy "$pid"; then kill -KILL "$pid"; return; fi
	done
	return 1
}

manifest postgres 15 > "$dir/answer" &
client=$!
check 'a worker is killed at work' wait_for 60 kill_busy
wait "$client"
has 'the client gets an OCI error' "$(cat "$dir/answer")" '"errors":'
has 'that names the reason' "$(jq -r '.errors[0].message' "$dir/answer")" \
    '[Ww]orker'
manifest postgres 15 > "$dir/answer"
has 'the next pull works' "$(cat "$dir/answer")" '"manifests":|"layers":'
finish
