# Large layers through winnow, and how much memory that takes; sourced after
# e2e/lib.sh.
# shellcheck shell=bash

# The design's limit for a worker, in KiB.
most_memory=65536

# big_image NAME KIND BYTES: a layout that winnowd finds as NAME.
big_image()
{
	mkdir -p "$dir/big/library"
	python3 "$tests/lib/big_layer.py" "$dir/big/library/$1" "$2" "$3" \
	    > /dev/null || bail "cannot make $1"
}

# big_policies NAME...: all of each image is kept.
big_policies()
{
	local name
	policies=$dir/policies.d
	mkdir -p "$policies"
	for name; do
		printf 'repository: docker.io/library/%s\nkeep: [/data/**]\n' \
		    "$name" > "$policies/$name.yaml"
	done
}

# strip_big NAME: the peak of the command line's processes.
strip_big()
{
	python3 "$tests/lib/peak_memory.py" run "$winnow" strip \
	    --policy "$policies/$1.yaml" "oci:$dir/big/library/$1:1" \
	    "oci:$dir/stripped/$1:1" 2> "$dir/strip.log" ||
	    bail "cannot strip $1: $(tail -n 1 "$dir/strip.log")"
	rm -rf "$dir/stripped"
}

# pull_big NAME: the peak of winnowd's workers while they make the variant.
pull_big()
{
	rm -f "$dir/stop" "$dir/stop.not"
	python3 "$tests/lib/peak_memory.py" watch "${pids[winnowd]}" \
	    "$dir/stop" > "$dir/peak" &
	wait_for 20 test -e "$dir/stop.not" || bail 'nobody watches'
	manifest "$1" 1 > "$dir/answer"
	: > "$dir/stop"
	wait $!
	grep -q '"layers"' "$dir/answer" ||
	    bail "cannot pull $1: $(cat "$dir/answer")"
	cat "$dir/peak"
}
