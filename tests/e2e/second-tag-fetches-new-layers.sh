#!/bin/bash
# Two tags that share layers: the second costs its new layer alone, and what
# was removed from the store but is known by its index is not fetched again.
. "$(dirname "$0")/lib.sh"

need docker-registry umoci skopeo
small_policies
layouts=$(image_layouts small)
mkdir -p "$dir/layouts/library"
image=$dir/layouts/library/small
skopeo copy -q "oci:$layouts/library/small:1" "oci:$image:1" ||
    bail 'cannot copy the image'

# One more layer over the first tag's: a file that the policy keeps.
mkdir "$dir/files"
echo second > "$dir/files/second"
umoci insert --image "$image:1" --tag 2 "$dir/files" /srv > "$dir/umoci.out" 2>&1 ||
    bail "umoci: $(tail -n 1 "$dir/umoci.out")"
start_upstream "$dir/layouts" small:1 small:2
start_winnowd "$upstream"

pull()
{
	skopeo copy -q --src-tls-verify=false "docker://$proxy/small:$1" \
	    "dir:$dir/pull.$1"
}

# The registry writes its log when it has answered.
fetched()
{
	grep -oE '"GET /v2/library/small/blobs/sha256:[0-9a-f]*' \
	    "$dir/upstream.log" | sort -u | wc -l
}

: > "$dir/upstream.log"
check 'the first tag' pull 1
layers=$(skopeo inspect "oci:$image:1" | jq '.Layers | length')
fetched_all() { same "$(fetched)" $((layers + 1)); }
check 'fetches config and layers' wait_for 10 fetched_all
: > "$dir/upstream.log"
check 'the second tag' pull 2
fetched_two() { same "$(fetched)" 2; }
check 'fetches its config and its new layer' wait_for 10 fetched_two
shared=$(comm -12 <(jq -r '.layers[].digest' "$dir/pull.1/manifest.json" | sort) \
    <(jq -r '.layers[].digest' "$dir/pull.2/manifest.json" | sort) | wc -l)
is 'the variants share their layers' "$shared" \
    "$(jq '.layers | length' "$dir/pull.1/manifest.json")"
finish
