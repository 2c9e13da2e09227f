#!/bin/bash
# A variant's layer whose file was deleted or cut behind winnowd's back is
# never served short; it is built again with the same bytes, while the client
# that asks for it waits.
. "$(dirname "$0")/lib.sh"

need skopeo jq
small_policies
start_winnowd "oci:$(image_layouts small)"

pull()
{
	skopeo copy -q --src-tls-verify=false "docker://$proxy/small:1" "dir:$1"
}

blob_file() { echo "$dir/store/blobs/sha256/${1:0:2}/$1"; }

check 'the variant is pulled' pull "$dir/first"
layer=$(jq -r '.layers[0].digest' "$dir/first/manifest.json" | cut -d: -f2)

rm "$(blob_file "$layer")"
check 'a pull without the layer waits for it' pull "$dir/second"
check 'the log says why' grep -q "store.lost.*$layer" "$dir/winnowd.log"
check 'and what it did' grep -q "variant.again.*$layer" "$dir/winnowd.log"
check 'the same image' diff -r "$dir/first" "$dir/second"

truncate -s 100 "$(blob_file "$layer")"
check 'a pull with a cut layer waits too' pull "$dir/third"
check 'the same image' diff -r "$dir/first" "$dir/third"

stop winnowd
rm "$(blob_file "$layer")"
start_winnowd
check 'lost while winnowd was stopped' pull "$dir/fourth"
check 'the same image' diff -r "$dir/first" "$dir/fourth"
finish
