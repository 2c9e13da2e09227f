#!/bin/bash
# Thousands of clients that sit idle, connect and say nothing, dribble a
# header for ever, or read a byte a second: a real pull beside them takes
# about as long as without them.  Clients come from 127.1.0.0/16.
. "$(dirname "$0")/lib.sh"

need skopeo
crowd=${CROWD:-2000}
mkdir -p "$dir/layouts/library"
python3 "$tests/lib/tiny_layout.py" "$dir/layouts/library/big" 1 \
    $((24 << 20)) > "$dir/names" || bail 'cannot make an image'
layer=$(awk '$1 == "layer" { print $2 }' "$dir/names")
start_winnowd "oci:$dir/layouts"

# pull: its milliseconds in $took.
pull()
{
	local start
	rm -rf "$dir/pulled"
	start=$(date +%s%N)
	timeout 60 skopeo copy -q --src-tls-verify=false "docker://$proxy/big:1" \
	    "dir:$dir/pulled" || return 1
	took=$((($(date +%s%N) - start) / 1000000))
}

# best_of N [MS]: the best of N pulls, which other load disturbs least; of up
# to 20, until one takes so little.
best_of()
{
	local best=99999 n
	for n in {1..20}; do
		pull || return 1
		[ "$took" -ge "$best" ] || best=$took
		[ "$n" -lt "$1" ] || [ "$best" -gt "${2:-$best}" ] || break
	done
	took=$best
}

# crowd_start KIND COUNT: they have all come, and say so once a second.
crowd_start()
{
	: > "$dir/$1.log"
	start "$1" python3 "$tests/lib/slow_clients.py" "$1" "$2" "$proxy" \
	    "$path"
	wait_for 60 grep -q '^ready' "$dir/$1.log" &&
	    wait_for 60 grep -q '^open' "$dir/$1.log" ||
	    { tail -n 3 "$dir/$1.log"; return 1; }
}

# crowd_end KIND: it is still there, and goes.
crowd_end()
{
	check "$1: they are still there" kill -0 "${pids[$1]}"
	note "$1: $(tail -n 1 "$dir/$1.log")"
	stop "$1"
}

# beside KIND COUNT: pulls while the crowd is there.
beside()
{
	check "$2 clients: $1" crowd_start "$1" "$2"
	check "pulls beside $1" best_of 3 $((alone * 3 + 1000))
	beside=$took
	crowd_end "$1"
	# The machine may have got other work meanwhile.
	[ "$beside" -le $((alone * 3 + 1000)) ] || { best_of 3 && alone=$took; }
	note "$beside ms beside $2 $1 clients, $alone ms alone"
	check "as fast beside $1: at most three times as long and a second" \
	    test "$beside" -le $((alone * 3 + 1000))
}

path=/v2/big/blobs/$layer
pull || bail 'cannot pull'
best_of 3
alone=$took
beside header "$crowd"
beside silent "$crowd"
beside reader 200
path=/v2/big/manifests/1
beside idle 10000
stop winnowd

# Five times as many as there is room for, who come back at once: who asks is
# let in, if not at the first attempt.
winnowd_config "oci:$dir/layouts" 'connections: 200'
start_winnowd
check "$crowd clients for 400 places" crowd_start header "$crowd"
check 'a pull gets through' wait_for 60 pull
crowd_end header
is 'no server died' "$(grep -c 'server.died' "$dir/winnowd.log")" 0
finish
