#!/bin/bash
# bench-rewrite.sh [ROUNDS]: `winnow strip` of the PostgreSQL image beside
# `igzip -dc` of the same layers, on one processor and on all, in turns; then
# the peak memory of the command line and of winnowd's workers with layers of
# 200 MB, of 4 GiB and of 2 million entries (10 GB of free space under TMPDIR;
# SKIP_MEMORY=1 leaves them out).
. "$(dirname "$0")/e2e/lib.sh"
. "$tests/lib/big_layer.sh"

rounds=${1:-5}
need igzip taskset python3 jq
say() { echo "==> $*" >&2; }

# timed KIND COMMAND...: appends real and processor seconds to KIND.times.
timed()
{
	local kind=$1 TIMEFORMAT='%R %U %S'
	shift
	{ time "$@" > /dev/null 2> "$dir/timed.log"; } 2>> "$dir/$kind.raw" ||
	    bail "$(cat "$dir/timed.log")"
	awk 'END { print $1, $2 + $3 }' "$dir/$kind.raw" >> "$dir/$kind.times"
}

inflate_layers() { xargs -n 1 -P "$1" igzip -dc < "$dir/layers"; }
inflate_on_one() { taskset -c "$processor" xargs -n 1 igzip -dc < "$dir/layers"; }

strip_image()
{
	"$@" "$winnow" strip --policy "$top_srcdir/conf/policies.d/postgres.yaml" \
	    "oci:$source" "oci:$dir/stripped:15"
}

# median KIND COLUMN
median()
{
	awk -v c="$2" '{ print $c }' "$dir/$1.times" | sort -n |
	    sed -n "$(((rounds + 1) / 2))p"
}

# row NAME KIND BASE: medians, and how many times those of BASE.
row()
{
	awk -v name="$1" -v real="$(median "$2" 1)" -v cpu="$(median "$2" 2)" \
	    -v base_real="$(median "$3" 1)" -v base_cpu="$(median "$3" 2)" \
	    'BEGIN { printf "%-38s %8.2f s %6.2f %8.2f s %6.2f\n", name, real,
		real / base_real, cpu, cpu / base_cpu }'
}

say 'building the image (minutes the first time)'
source=$(image_layouts postgres)/library/postgres
blob() { cat "$source/blobs/sha256/${1#sha256:}"; }
child=$(blob "$(jq -r '.manifests[0].digest' "$source/index.json")" |
    jq -r '.manifests[0].digest')
blob "$child" | jq -r '.layers | sort_by(-.size)[].digest' |
    sed "s|^sha256:|$source/blobs/sha256/|" > "$dir/layers"
# The last one: interrupts like the first.
processor=$(taskset -cp $$ | sed 's/.*[^0-9]//')
processors=$(nproc)
for round in $(seq "$rounds"); do
	say "round $round of $rounds"
	timed one-inflate inflate_on_one
	timed one-strip strip_image taskset -c "$processor"
	rm -rf "$dir/stripped"
	timed all-plain inflate_layers 1
	timed all-inflate inflate_layers "$processors"
	timed all-strip strip_image
	rm -rf "$dir/stripped"
done
printf '%-38s %10s %6s %10s %6s\n' "medians of $rounds rounds" time ratio \
    processor ratio
row 'igzip -dc of all layers, one processor' one-inflate one-inflate
row 'winnow strip, one processor' one-strip one-inflate
row "igzip -dc, one layer after the other" all-plain all-inflate
row "igzip -dc of all layers, $processors at once" all-inflate all-inflate
row "winnow strip, $processors processors" all-strip all-inflate
echo '(to reach: a ratio of 1.5)'
[ -z "${SKIP_MEMORY:-}" ] || exit 0

gib4=$((4 << 30))
printf '%-38s %14s %14s\n' 'peak memory' 'winnow strip' 'a worker'
for what in 'entries-20k entries 20000' 'entries-2m entries 2000000' \
    'text-200m text 200000000' 'noise-200m noise 200000000' \
    'library-200m library 200000000' 'files-200m files 200000000' \
    "text-4g text $gib4" "noise-4g noise $gib4"; do
	read -r name kind size <<< "$what"
	say "making $name"
	big_image "$name" "$kind" "$size"
	big_policies "$name"
	start_winnowd "oci:$dir/big" 'wait: 1h' 'worker_time: 30m'
	printf '%-38s %10.1f MiB %10.1f MiB\n' "$name" \
	    "$(strip_big "$name" | awk '{ print $1 / 1024 }')" \
	    "$(pull_big "$name" | awk '{ print $1 / 1024 }')"
	stop winnowd
	rm -rf "$dir/big" "$dir/store"
done
echo '(to reach: 64 MiB, but for 2 million entries)'
