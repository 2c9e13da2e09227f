#!/bin/bash
# kill -9 at any moment: what was served is served again, with the same
# bytes, and unfinished work is done anew.
. "$(dirname "$0")/lib.sh"

need skopeo
small_policies
layouts=$(image_layouts small)
winnowd_config "oci:$layouts"

pull() { skopeo copy -q --src-tls-verify=false "docker://$proxy/small:1" "dir:$1"; }

# Each round kills core a little later in a cold pull, then pulls again.
killed_early()
{
	local delay n=0
	for delay in 0.01 0.03 0.06 0.1 0.15 0.2 0.3 0.5; do
		n=$((n + 1))
		rm -rf "$dir/store"
		start_winnowd
		pull "$dir/cut.$n" > /dev/null 2>&1 &
		sleep "$delay"
		stop winnowd KILL
		wait $!
		start_winnowd
		pull "$dir/whole.$n" || return 1
		diff -r "$dir/whole.1" "$dir/whole.$n" || return 1
		stop winnowd KILL
	done
}

children() { pgrep -P "${pids[winnowd]}"; }

# Every child in turn; core replaces it, or ends and is started again.
kill_child()
{
	local child=$1
	kill -KILL "$child"
	wait_for 20 gone "$child" || return 1
	wait_for 20 answers "http://$proxy/v2/" || { start_winnowd; }
	rm -rf "$dir/after"
	wait_for 20 pull "$dir/after" && diff -r "$dir/whole.1" "$dir/after"
}

check 'core killed during a cold pull' killed_early
start_winnowd
check 'served after kill -9 without a rewrite' pull "$dir/served"
for child in $(children); do
	name=$(tr '\0' ' ' < "/proc/$child/cmdline")
	check "killed: $name" kill_child "$child"
done
is 'the store holds no torn blob' "$(torn "$dir/store")" ''
finish
