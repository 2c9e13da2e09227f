#!/bin/sh
# An image layout directory as upstream.
set -eu
. "$top_srcdir/tests/daemon/lib.sh"

make_layout 1000
url=oci:$work/layout
type=application/vnd.oci.image.manifest.v1+json
# name JSON: the annotations of the image in index.json.
name() {
	cat >"$work/layout/index.json" <<-END
	{"schemaVersion": 2, "manifests": [{"mediaType": "$type",
	 "digest": "$manifest", "size": $manifest_size, "annotations": $1}]}
	END
}
ref=org.opencontainers.image.ref.name
full=io.containerd.image.name
found="ok $manifest $type $manifest_size"

run $url manifest library/app 1 head library/app 1 \
    manifest library/app "$manifest" blob library/app "$layer" "$layer_size" \
    and leave library/app "$layer" "$layer_size"
check "tag, digest and blob" "$found
$found
$found
left
ok $layer $layer_size"
run $url manifest library/app 2
check "no such tag" "error not-found test.example: library/app:2: *index.json*"
run $url manifest ../layout 1 manifest library/../x 1
check "no repository name" "error not-found *error not-found *"
run $url blob app "$layer" 5
check "blob of another size" "error digest *has $layer_size bytes*says 5"

name "{\"$ref\": \"library/app:1\"}"
run $url manifest library/app 1 manifest library/other 1
check "repository and tag" "$found
error not-found *"
run $url tags library/app tags library/other referrers library/app "$manifest"
check "tags of a layout" "ok 1
ok
ok"
name "{\"$ref\": \"test.example/library/app:1\"}"
run $url manifest library/app 1
check "host, repository and tag" "$found"
name "{\"$full\": \"test.example/library/app:1\", \"$ref\": \"1\"}"
run $url manifest library/app 1 manifest library/other 1
check "containerd's name decides alone" "$found
error not-found *"
run $url tags library/app tags library/other
check "tags by containerd's name" "ok 1
ok"
name "null"
run $url manifest library/app 1
check "no names at all" "error not-found *"
name "{\"$ref\": 5}"
run $url manifest library/app 1
check "a name that is no string" "error not-found *"
for broken in '' '[]' '{}' '{"manifests": 1}' '{"manifests": [1, null, "x"]}' \
    "{\"manifests\": [{\"annotations\": {\"$ref\": \"1\"}}]}" \
    "{\"manifests\": [{\"mediaType\": \"x\", \"digest\": \"sha256:../../x\",
	\"annotations\": {\"$ref\": \"1\"}}]}"; do
	printf '%s' "$broken" >"$work/layout/index.json"
	run $url manifest library/app 1
	check "index.json: $broken" "error [nu]* test.example: library/app:1: *"
done

mkdir -p "$work/many/library"
mv "$work/layout" "$work/many/library/app"
url=oci:$work/many
printf '{"manifests": [{"mediaType": "%s", "digest": "%s", "annotations":
    {"%s": "1"}}]}' $type "$manifest" $ref >"$work/many/library/app/index.json"
run $url manifest library/app 1 manifest library/other 1
check "a layout per repository" "$found
error not-found *library/other*oci-layout*"

blobs=$work/many/library/app/blobs/sha256
cp "$blobs/${layer#sha256:}" "$blobs/${manifest#sha256:}"
run $url manifest library/app 1
check "manifest with wrong bytes" "error digest *"
rm "$blobs/${manifest#sha256:}" "$blobs/${layer#sha256:}"
run $url manifest library/app 1
check "missing manifest" "error not-found *"
mkfifo "$blobs/${layer#sha256:}"
run $url blob library/app "$layer" 0
check "blob that is no file" "error upstream *not a regular file"
run oci:
check "no directory" "error invalid *names no directory"
run ftp://x
check "unknown kind" "error invalid *"

[ $failures -eq 0 ]
