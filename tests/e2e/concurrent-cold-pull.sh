#!/bin/bash
# 30 clients pull the cold image at once: each upstream blob is fetched once,
# one rewrite happens, all succeed with the same bytes.
. "$(dirname "$0")/lib.sh"

need docker-registry skopeo
small_policies
start_upstream "$(image_layouts small)" small:1
start_winnowd "$upstream"

# pull N: tag to last blob, as clients do, into a directory.
pull()
{
	skopeo copy -q --src-tls-verify=false "docker://$proxy/small:1" \
	    "dir:$dir/pull.$1" > "$dir/pull.$1.out" 2>&1
}

pull_all()
{
	local n jobs=() failed=0
	for n in $(seq 30); do pull "$n" & jobs+=($!); done
	for n in "${jobs[@]}"; do wait "$n" || failed=1; done
	[ "$failed" = 0 ] || { cat "$dir"/pull.*.out; false; }
}

same_manifests()
{
	[ "$(sha256sum "$dir"/pull.*/manifest.json | cut -c1-64 |
	    sort | uniq -c | awk '{ print $1 }')" = 30 ]
}

fetched_blobs()
{
	grep -oE '"GET /v2/[^ ]*/blobs/sha256:[0-9a-f]*[^"]*" 20[06]' \
	    "$dir/upstream.log" | sort | uniq -c
}

check '30 clients pull at once' pull_all
check 'all get the same manifest' same_manifests
is 'no upstream blob is fetched twice' \
    "$(fetched_blobs | awk '$1 > 1')" ''
# The registry writes its log when it has answered.
all_fetched() { [ "$(fetched_blobs | wc -l)" -ge 6 ]; }
check 'blobs were fetched' wait_for 10 all_fetched
is 'the manifest behind the index is fetched once' \
    "$(grep -E '"GET /v2/[^ ]*/manifests/' "$dir/upstream.log" | grep -oE 'manifests/[^ ]*' | sort | uniq -c |
    awk '$1 > 1')" ''
finish
