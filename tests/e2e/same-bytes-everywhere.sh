#!/bin/bash
# The same image and policy give the same bytes: by the command line with one
# process and with all, which share a large layer, by winnowd with one worker
# and with four, from a layout and from a registry.
. "$(dirname "$0")/lib.sh"
. "$tests/lib/big_layer.sh"
need taskset skopeo docker-registry jq

layouts=$(image_layouts small)
small_policies
tag=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' \
    "$layouts/library/small/index.json")

# The first processor that this process may have.
cpu=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')

# strip_to NAME IMAGE [COMMAND...]: the digest that winnow strip prints.
strip_to()
{
	local name=$1 image=$2
	shift 2
	"$@" "$winnow" strip --policy "$policies/$(basename "$image").yaml" \
	    "oci:$image" "oci:$dir/$name:1" \
	    2> "$dir/strip.log" | sed -n 's/^wrote .* //p'
}

# blobs MANIFEST: what it names.
blobs() { jq -r '.config.digest, .layers[].digest' <<< "$1"; }

one=$(strip_to one "$layouts/library/small" taskset -c "$cpu")
all=$(strip_to all "$layouts/library/small")
has 'winnow strip prints a digest' "$one" '^sha256:[0-9a-f]{64}$'
is 'with one process and with all it is the same' "$all" "$one"
index=$(cat "$dir/one/blobs/sha256/${one#sha256:}")
child=$(jq -r '.manifests[0].digest // empty' <<< "$index")
[ -z "$child" ] || index=$(cat "$dir/one/blobs/sha256/${child#sha256:}")

# A layer of several parts, the last one not full.
big_image large text 41000000
big_policies large
large=$dir/big/library/large
name=$(strip_to large-one "$large" taskset -c "$cpu")
is 'so is a large layer, which they share' "$(strip_to large-all "$large")" \
    "$name"
is 'and every blob is what its digest says' \
    "$(cd "$dir/large-all/blobs/sha256" && sha256sum -- * |
	awk '$1 != $2 { print $2 }')" ''

start_upstream "$layouts" "small:$tag"

# served WORKERS UPSTREAM: sets $answer, what a fresh winnowd answers.
served()
{
	rm -rf "$dir/store"
	winnowd_config "$2"
	sed -i "s/^workers:.*/workers: $1/" "$dir/winnow.conf"
	start_winnowd
	answer=$(platform_manifest small "$tag")
	digest=$(manifest small "$tag" | sha256sum)
	stop winnowd
}

served 1 "oci:$layouts"
first=$digest
is 'winnowd makes the same config and layers' "$(blobs "$answer")" \
    "$(blobs "$index")"
served 4 "oci:$layouts"
is 'with four workers its manifest is the same' "$digest" "$first"
served 4 "$upstream"
is 'and from a registry' "$digest" "$first"
served 1 "$upstream"
is 'also with one worker' "$digest" "$first"
finish
