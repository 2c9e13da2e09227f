#!/bin/bash
# The small image: whiteouts, opaque directories, hard links, attributes,
# capabilities, sparse files, names that are long or not UTF-8.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

need_root
need skopeo umoci
small_policies
start_winnowd "oci:$(image_layouts small)"
check 'the variant is pulled' skopeo_root "$proxy/small:1" "$dir/variant"
check 'the original is pulled' \
    skopeo_root "$proxy/original/small:1" "$dir/source"
printf '%s\n' /usr/bin/cat /usr/bin/capable /srv/link-a /srv/link-c \
    /srv/old/shown /srv/replaced /srv/sparse /srv/fifo /srv/long-link \
    $'/srv/caf\xe9' /srv/café > "$dir/expect"
expect=$dir/expect
check 'the variant equals the source restricted' \
    compare_trees "$dir/source" "$dir/variant"
check 'what was deleted stays away' [ ! -e "$dir/variant/srv/deleted" ]
check 'busybox is gone' [ ! -e "$dir/variant/bin/busybox" ]
lacks_whiteouts() { lacks "$(tar_names)" '\.wh\.'; }
tar_names()
{
	local digest
	platform_manifest small 1 | jq -r '.layers[].digest' |
	    while read -r digest; do
		curl -sS "http://$proxy/v2/small/blobs/$digest" | tar -tzf -
	done
}
check 'no derived layer has a whiteout' lacks_whiteouts
finish
