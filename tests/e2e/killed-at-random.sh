#!/bin/bash
# kill -9 of core, servers and workers at random moments of pulls under load:
# no client ever gets wrong bytes, nothing that was complete is lost, and what
# was not is made anew.  ROUNDS (20) and SEED may be given.
. "$(dirname "$0")/lib.sh"

need skopeo
rounds=${ROUNDS:-20}
RANDOM=${SEED:-$RANDOM}
note "SEED=$RANDOM"
small_policies
winnowd_config "oci:$(image_layouts small)"
mkdir "$dir/store"

pull()
{
	skopeo copy -q --src-tls-verify=false "docker://$proxy/$1" "dir:$2"
}

start_winnowd
pull small:1 "$dir/variant" && pull original/small:1 "$dir/original" ||
    bail 'the image cannot be pulled at all'

# client N: pulls until $dir/enough; every pull that succeeds must be right.
client()
{
	local got=$dir/client.$1 image=small:1 wanted=$dir/variant
	[ $(($1 % 2)) = 0 ] || { image=original/small:1 wanted=$dir/original; }
	until [ -e "$dir/enough" ]; do
		rm -rf "$got"
		if pull "$image" "$got" > "$got.out" 2>&1; then
			echo >> "$dir/successes"
			diff -r "$wanted" "$got" || return 1
		elif grep -qE 'did not match|does not match' "$got.out"; then
			cat "$got.out"
			return 1
		fi
	done
}

blobs() { find "$dir/store/blobs" -type f -printf '%P\n' | sort; }

# victim: core, or one of its children.
victim()
{
	local all
	mapfile -t all < <(echo "${pids[winnowd]}"; pgrep -P "${pids[winnowd]}")
	echo "${all[$((RANDOM % ${#all[@]}))]}"
}

killed=0
kill_one()
{
	local pid all
	pid=$(victim)
	[ -n "$pid" ] || return 0
	all=$(family "$pid")
	kill -KILL "$pid" 2> /dev/null || return 0
	killed=$((killed + 1))
	[ "$pid" = "${pids[winnowd]}" ] || return 0
	# shellcheck disable=SC2086 # words
	wait_for 20 gone $all || return 1
	wait "$pid" 2> /dev/null
	unset 'pids[winnowd]'
	# The store is as it is now; every second time the work starts anew.
	if [ $((RANDOM % 2)) = 0 ]; then rm -rf "$dir/store"; fi
	start_winnowd
}

# Fails with the names of blobs that a restart has lost.
loses_nothing()
{
	local before
	before=$(blobs)
	stop winnowd KILL
	start_winnowd
	! comm -23 <(echo "$before") <(blobs) | grep .
}

jobs=()
for n in 1 2 3 4; do client $n & jobs+=($!); done
successes() { cat "$dir/successes" 2> /dev/null | wc -l; }
# At least so many rounds, and as many as pulls on this machine take.
for round in $(seq $((rounds * 10))); do
	# Not a wait for a condition: a moment that nothing depends on.
	sleep "0.$((RANDOM % 9 + 1))"
	kill_one || break
	[ "$round" -lt "$rounds" ] || [ "$killed" -lt $((rounds / 2)) ] ||
	    [ "$(successes)" -lt 4 ] || break
done
touch "$dir/enough"
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=1; done
is 'no client got wrong bytes' "$failed" 0
check "processes were killed: $killed" [ "$killed" -ge $((rounds / 2)) ]
check 'pulls succeeded meanwhile' [ "$(successes)" -ge 4 ]
wait_for 20 answers "http://$proxy/v2/" || start_winnowd
check 'the variant is served' pull small:1 "$dir/last"
check 'as it was' diff -r "$dir/variant" "$dir/last"
check 'the original is served' pull original/small:1 "$dir/last-original"
check 'as it was' diff -r "$dir/original" "$dir/last-original"
check 'nothing that was complete is lost' loses_nothing
is 'no blob is torn' "$(torn "$dir/store")" ''
finish
