#!/bin/bash
# Memory does not grow with a layer: 200 MB of one file and of
# one library.  tests/bench-rewrite.sh does the same with 4 GiB.
. "$(dirname "$0")/lib.sh"
. "$tests/lib/big_layer.sh"
need igzip python3

kinds='text library'
for kind in $kinds; do big_image "$kind" "$kind" 200000000; done
# shellcheck disable=SC2086
big_policies $kinds
start_winnowd "oci:$dir/big" 'wait: 5m'
for kind in $kinds; do
	peak=$(strip_big "$kind")
	check "winnow strip, $kind: $peak KiB" [ "$peak" -le $most_memory ]
	peak=$(pull_big "$kind")
	check "a worker, $kind: $peak KiB" [ "$peak" -le $most_memory ]
	check 'which was seen at work' [ "$peak" -gt 5000 ]
done
finish
