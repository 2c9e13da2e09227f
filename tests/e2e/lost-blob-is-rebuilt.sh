#!/bin/bash
# A variant's layer whose file was deleted or cut behind winnowd's back is
# never served short; it is built again with the same bytes.
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
check 'a pull without the layer fails' fails pull "$dir/second"
check 'the log says why' grep -q "blob.lost.*$layer" "$dir/winnowd.log"
check 'the next one works' pull "$dir/third"
check 'the same image' diff -r "$dir/first" "$dir/third"

truncate -s 100 "$(blob_file "$layer")"
check 'a pull with a cut layer fails' fails pull "$dir/fourth"
check 'the next one works' pull "$dir/fifth"
check 'the same image' diff -r "$dir/first" "$dir/fifth"

stop winnowd
rm "$(blob_file "$layer")"
start_winnowd
check 'lost while winnowd was stopped: a pull fails' fails pull "$dir/sixth"
check 'the next one works' pull "$dir/seventh"
check 'the same image' diff -r "$dir/first" "$dir/seventh"
finish
