#!/bin/bash
# 500 clients pull one cold variant, and 500 one cold original: one request
# upstream per blob, all succeed, memory stays small; every client of the
# original has its first bytes before the download ends.
. "$(dirname "$0")/lib.sh"

need docker-registry skopeo
clients=500
ulimit -n 4096 2> /dev/null || bail 'cannot have 4096 descriptors'

# pull_all REPOSITORY TAG [FILE]: all clients at once.
pull_all()
{
	python3 "$tests/lib/pull_at_once.py" "$proxy" "$1" "$2" "$clients" \
	    "${@:3}"
}

# peak_kib: the most memory that any process of winnowd ever had.
peak_kib()
{
	local pid
	for pid in "${pids[winnowd]}" $(pgrep -P "${pids[winnowd]}"); do
		awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status"
	done | sort -n | tail -n 1
}

asked_twice()
{
	grep -oE "GET /v2/[^ ]*/blobs/sha256:[0-9a-f]*" "$1" | sort | uniq -d
}

small_policies
start_upstream "$(image_layouts small)" small:1
start_winnowd "$upstream"
check "$clients clients pull the cold variant" pull_all small 1
is 'no blob is fetched twice for it' "$(asked_twice "$dir/upstream.log")" ''
peak=$(peak_kib)
note "peak of any process: $peak KiB"
check 'no process had more than 256 MiB' [ "$peak" -lt 262144 ]
stop winnowd
stop upstream
rm -rf "$dir/store"

python3 "$tests/lib/tiny_layout.py" "$dir/layout" 1 20000000 > "$dir/names"
layer=$(awk '$1 == "layer" { print $2 }' "$dir/names")
echo "{\"rules\": [{\"match\": \"blobs/$layer\", \"gate_at\": 10000000,
    \"gate\": \"$dir/gate\"}]}" > "$dir/scenario"
start_ready faulty 20 test -s "$dir/ports" -- python3 \
    "$tests/lib/faulty_upstream.py" "$dir/layout" "$dir/scenario" \
    "$dir/requests" "$dir/ports"
start_winnowd "http://127.0.0.1:$(cut -d' ' -f1 "$dir/ports")"
start pulls python3 "$tests/lib/pull_at_once.py" "$proxy" original/library/app \
    1 "$clients" "$dir/begun"
begun() { [ "$(cat "$dir/begun")" = "$clients" ]; }
check "$clients clients have first bytes while upstream holds the rest" \
    wait_for 60 begun
touch "$dir/gate"
pid=${pids[pulls]}
unset 'pids[pulls]'
check 'all of them get the cold original' wait "$pid"
is 'no blob is fetched twice for it' "$(asked_twice "$dir/requests")" ''
peak=$(peak_kib)
note "peak of any process: $peak KiB"
check 'no process had more than 256 MiB' [ "$peak" -lt 262144 ]
finish
