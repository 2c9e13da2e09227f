#!/bin/bash
# However a source's layers are compressed, the variant's are gzip, and the
# same bytes: docker 20.10 could not unpack zstd.
. "$(dirname "$0")/lib.sh"

need skopeo jq
small_policies
layouts=$(image_layouts small)
mkdir -p "$dir/source/library"
check 'the image is compressed anew' skopeo copy -q --dest-compress-format zstd \
    "oci:$layouts/library/small:1" "oci:$dir/source/library/small:1"

# pull NAME: its manifest is then in $dir/NAME/manifest.json.
pull() { skopeo copy -q --src-tls-verify=false "docker://$proxy/small:1" "dir:$dir/$1"; }

layers() { jq -r ".layers[] | .$2" "$dir/$1/manifest.json"; }

manifest=$(jq -r '.manifests[0].digest' "$dir/source/library/small/index.json")
has 'the source has zstd layers' \
    "$(cat "$dir/source/library/small/blobs/sha256/${manifest#sha256:}")" 'tar\+zstd'
start_winnowd "oci:$layouts"
check 'the variant of the gzip source is pulled' pull gzip
stop winnowd
rm -rf "$dir/store"
start_winnowd "oci:$dir/source"
check 'the variant of the zstd source is pulled' pull zstd
is 'all layers are gzip' "$(layers zstd mediaType | sort -u)" \
    application/vnd.oci.image.layer.v1.tar+gzip
is 'the same layers' "$(layers zstd digest)" "$(layers gzip digest)"
finish
