#!/bin/bash
# winnow strips what `docker save` wrote: the layers of the variant are those
# that the image gives as a layout, from a pipe into gzip as well.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

need skopeo python3 gzip
start_dockerd
export XDG_CACHE_HOME=$dir/cache
layout=$(image_layouts small)/library/small
cat > "$dir/policy.yaml" <<'EOS'
repository: docker.io/library/small
include: [base]
keep:
  - /**
audit:
  fail_on: []
EOS

# strip NAME SOURCE
strip()
{
	"$winnow" strip --policy "$dir/policy.yaml" \
	    --sets "$top_srcdir/conf/sets.d" "$2" "oci:$dir/dest:$1"
}

# layers TAG: digest and size of each, and the config's diff_ids.
layers()
{
	python3 - "$dir/dest" "$1" <<-'EOS'
	import json, sys
	layout, tag = sys.argv[1:]
	def blob(d):
	    with open(layout + "/blobs/sha256/" + d["digest"][7:]) as f:
	        return json.load(f)
	with open(layout + "/index.json") as f:
	    entry, = (m for m in json.load(f)["manifests"]
	              if tag in m["annotations"].values())
	document = blob(entry)
	if "manifests" in document:
	    document = blob(document["manifests"][0])
	for layer in document["layers"]:
	    print(layer["digest"], layer["size"])
	print(blob(document["config"])["rootfs"])
	EOS
}

skopeo --insecure-policy copy -q "oci:$layout" \
    "docker-archive:$dir/skopeo.tar:small:1" || bail 'skopeo cannot convert'
check 'docker loads the image' dock load -q -i "$dir/skopeo.tar"
dock tag small:1 other:2
check 'docker saves it' dock save -o "$dir/saved.tar" small:1
check 'docker saves two names' dock save -o "$dir/two.tar" small:1 other:2
check 'docker saves into gzip' \
    sh -c "docker -H $docker_socket save small:1 | gzip -1 > $dir/saved.tar.gz"

check 'the layout is stripped' strip layout "oci:$layout"
wanted=$(layers layout)
for name in saved.tar saved.tar.gz two.tar:other:2 two.tar:small:1; do
	tag=${name//[:]/-}
	check "$name is stripped" strip "$tag" "docker-archive:$dir/$name"
	is "$name: the layers are those of the layout" \
	    "$(layers "$tag")" "$wanted"
done
check 'docker loads the variant back' sh -c "
	skopeo --insecure-policy copy -q 'oci:$dir/dest:saved.tar' \
	    'docker-archive:$dir/variant.tar:variant:1' &&
	docker -H $docker_socket load -q -i '$dir/variant.tar'"
finish
