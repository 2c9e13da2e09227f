#!/bin/bash
# bench-pull.sh [ROUNDS]: cold `docker pull` of PostgreSQL, in one run on this
# machine: the variant through winnow, the original through docker-registry
# as a proxy, the original from the upstream registry itself.  Every round has
# an empty cache, an empty store and no image in docker; medians are printed.
. "$(dirname "$0")/e2e/lib.sh"
. "$tests/e2e/clients.sh"

rounds=${1:-3}
need_root
need docker-registry skopeo
say() { echo "==> $*" >&2; }

# timed_pull KIND REFERENCE: appends the seconds to KIND.times.
timed_pull()
{
	local start
	sync
	start=$(date +%s%N)
	dock pull -q "$2" > /dev/null || bail "cannot pull $2"
	echo $((($(date +%s%N) - start) / 1000000)) >> "$dir/$1.times"
	say "round $round: $1 $(tail -n 1 "$dir/$1.times") ms"
}

remove_images()
{
	dock image ls -q | sort -u | xargs -r docker -H "$docker_socket" \
	    image rm -f > /dev/null
}

pull_variant()
{
	rm -rf "$dir/store"
	start_winnowd
	timed_pull winnow "$proxy/postgres:15"
	remove_images
	timed_pull winnow-warm "$proxy/postgres:15"
	remove_images
	stop winnowd
}

pull_proxied()
{
	rm -rf "$dir/cache"
	start_registry proxy "$dir/cache" "$upstream"
	timed_pull proxy "${addresses[proxy]}/library/postgres:15"
	remove_images
	timed_pull proxy-warm "${addresses[proxy]}/library/postgres:15"
	remove_images
	stop proxy
}

pull_direct()
{
	timed_pull direct "${addresses[upstream]}/library/postgres:15"
	remove_images
}

median() { sort -n "$dir/$1.times" | sed -n "$(((rounds + 1) / 2))p"; }

# row NAME KIND: seconds, and how many times as long as winnow cold.
row()
{
	awk -v name="$1" -v ms="$(median "$2")" -v base="$(median winnow)" \
	    'BEGIN { printf "%-42s %8.2f s %8.2f\n", name, ms / 1000, ms / base }'
}

say 'building the image (minutes the first time)'
layouts=$(image_layouts postgres)
start_upstream "$layouts" postgres:15
start_dockerd
winnowd_config "$upstream"
for round in $(seq "$rounds"); do
	pull_variant
	pull_proxied
	pull_direct
done
printf '%-42s %10s %8s\n' "docker pull, median of $rounds" time ratio
row 'winnow, cold: the variant' winnow
row 'docker-registry proxy, cold: the original' proxy
row 'upstream registry: the original' direct
row 'winnow, warm' winnow-warm
row 'docker-registry proxy, warm' proxy-warm
awk -v ours="$(median winnow)" -v theirs="$(median proxy)" 'BEGIN {
	printf "winnow takes %.2f of docker-registry'\''s time (to reach: 0.25)\n",
	    ours / theirs }'
