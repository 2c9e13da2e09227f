#!/bin/bash
# `warm:` brings images into the cache without a pull, and again when their tag
# has moved; what cannot be had is in the log.
. "$(dirname "$0")/lib.sh"

small_policies
cp -r "$(image_layouts small)" "$dir/layouts"
index=$dir/layouts/library/small/index.json
start_winnowd "oci:$dir/layouts" 'warm: [small:1, absent:1]' \
    'warm_interval: 10s' 'tag_ttl: 1s'
built() { [ "$(admin_status .builds.built)" = "$1" ]; }

check 'the variant is built without a pull' wait_for 60 built 1
check 'what is not there is in the log' wait_for 20 \
    grep -q 'warm.failed reference=absent:1 error=.*absent' "$dir/winnowd.log"
is 'nobody has asked for an image' "$(grep -c 'path=/v2/small' "$dir/winnowd.log")" 0
# The tag moves: the same image under another index is another source.
top=$(jq -r '.manifests[0].digest' "$index" | cut -d: -f2)
blobs=$dir/layouts/library/small/blobs/sha256
jq -c '.annotations = {"moved": "yes"}' "$blobs/$top" > "$dir/moved"
moved=$(sha256sum "$dir/moved" | cut -c1-64)
cp "$dir/moved" "$blobs/$moved"
jq -c --arg d "sha256:$moved" --argjson s "$(stat -c %s "$dir/moved")" \
    '.manifests[0] |= (.digest = $d | .size = $s)' "$index" > "$dir/index"
mv "$dir/index" "$index"
check 'the moved tag is built in the background' wait_for 60 built 2
manifest small 1 > /dev/null
is 'and then served without a build' "$(admin_status .builds.built)" 2
finish
