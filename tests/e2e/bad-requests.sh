#!/bin/bash
# Mutated requests, thousands: nothing crashes, grows, or yields what another
# name protects.  FUZZ_CASES and FUZZ_SEED for more, FUZZ_SECONDS bounds it.
. "$(dirname "$0")/lib.sh"

cases=${FUZZ_CASES:-4000} seed=${FUZZ_SEED:-1} seconds=${FUZZ_SECONDS:-60}

# Two images; a policy rewrites `tiny`, whose source must stay hidden, and
# `other` passes.
policies=$dir/policies.d
mkdir -p "$policies" "$dir/layouts/library"
cat > "$policies/tiny.yaml" <<-'END'
repository: docker.io/library/tiny
keep: [/data]
config:
  labels: { rewritten: "yes" }
END
for image in tiny:20000 other:30000; do
	python3 "$tests/lib/tiny_layout.py" \
	    "$dir/layouts/library/${image%:*}" 1 "${image#*:}" \
	    > "$dir/${image%:*}.names" || bail 'cannot make an image'
done
# One server gets all the cases, so that its memory can be judged.
start_winnowd "oci:$dir/layouts" 'header_timeout: 2s' 'idle_timeout: 5s'

source_of() { awk -v kind="$2" '$1 == kind { print $2 }' "$dir/$1.names"; }
served() { manifest tiny 1 | jq -r "$1"; }
jq -n --arg manifest "$(source_of tiny manifest)" \
    --arg config "$(source_of tiny config)" \
    --arg layer "$(source_of tiny layer)" \
    --arg other "$(source_of other layer)" \
    --arg config2 "$(served .config.digest)" \
    --arg layer2 "$(served '.layers[0].digest')" '{
	secret: [$manifest, $config, $layer],
	targets: [
		"/v2/tiny/manifests/1", "/v2/", "/v2/tiny/blobs/\($layer2)",
		"/v2/tiny/blobs/\($config2)", "/v2/tiny/tags/list",
		"/v2/library/tiny/manifests/1?ns=docker.io",
		"/v2/docker.io/library/tiny/manifests/1",
		"/v2/original/tiny/manifests/1",
		"/v2/original/tiny/blobs/\($layer)",
		"/v2/tiny/manifests/\($manifest)",
		"/v2/tiny/blobs/\($layer)", "/v2/tiny/blobs/\($config)",
		"/v2/other/blobs/\($layer)", "/v2/other/manifests/\($manifest)",
		"/v2/other/manifests/1", "/v2/other/blobs/\($other)",
		"/v2/tiny/referrers/\($manifest)"] }' > "$dir/facts"
# All that is secret is in the store, and reachable by its own name.
for kind in manifests:$(source_of tiny manifest) \
    blobs:$(source_of tiny layer) blobs:$(source_of tiny config); do
	answers "http://$proxy/v2/original/tiny/${kind%%:*}/${kind#*:}" ||
	    bail "the original lacks ${kind%%:*}"
done

fuzz() { python3 "$tests/fuzz/server_requests.py" "$proxy" "$@" "$dir/facts"; }
servers() { pgrep -P "${pids[winnowd]}" -f 'role server' | sort -n | xargs; }
# The memory of core and servers in KiB.
memory()
{
	local pid
	for pid in "${pids[winnowd]}" $(pgrep -P "${pids[winnowd]}"); do
		sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"
	done | awk '{ n += $1 } END { print n }'
}

# What fills once (tables, buffers) is filled before the measurement.
check 'a warm-up' fuzz "$seed" $((cases / 4)) $((seconds / 4))
before=$(memory) before_servers=$(servers)
check 'mutated requests get valid answers and no secret' \
    fuzz $((seed + 1)) "$cases" "$seconds"
[ ! -s "$dir/check.out" ] || note "$(tail -n 1 "$dir/check.out")"
note "memory of core, servers and workers: $before KiB, then $(memory) KiB"
is 'no server died' "$(servers)" "$before_servers"
check 'memory is bounded' test "$(memory)" -lt $((before + 16384))
check 'no server error was logged' fails grep -E \
    '(core|server) error|AddressSanitizer|runtime error' "$dir/winnowd.log"
finish
