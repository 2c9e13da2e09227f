#!/bin/bash
# What registries answer, seen with curl: headers, ranges, methods, errors,
# and what must not be reachable.
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
start_winnowd "oci:$layouts"
v2=http://$proxy/v2

# answer CURL-ARGUMENTS: status, headers and body in three files.
answer()
{
	curl -sS -D "$dir/headers" -o "$dir/body" -w '%{http_code}' \
	    -H "Accept: $accept" "$@" > "$dir/status"
	tr -d '\r' < "$dir/headers" > "$dir/headers.unix"
}
status() { cat "$dir/status"; }
header() { sed -n "s/^$1: //Ip" "$dir/headers.unix"; }
error_code() { jq -r '.errors[0].code' "$dir/body"; }

answer "$v2/"
is '/v2/ answers' "$(status)" 200
is 'with the API version' "$(header docker-distribution-api-version)" \
    registry/2.0

answer "$v2/small/manifests/1"
is 'a manifest by tag' "$(status)" 200
digest=sha256:$(sha256sum "$dir/body" | cut -c1-64)
is 'its digest is the digest of its bytes' \
    "$(header docker-content-digest)" "$digest"
is 'its media type is its own' "$(header content-type)" \
    "$(jq -r .mediaType "$dir/body")"
is 'its length' "$(header content-length)" "$(stat -c %s "$dir/body")"
get_headers=$(grep -iE '^(content|docker|etag)' "$dir/headers.unix" | sort)
answer -I "$v2/small/manifests/1"
is 'HEAD has the headers of GET' \
    "$(grep -iE '^(content|docker|etag)' "$dir/headers.unix" | sort)" "$get_headers"
answer "$v2/small/manifests/$digest"
is 'a manifest by digest' "$(status)" 200

image=$(platform_manifest small 1)
layer=$(jq -r '.layers | max_by(.size).digest' <<< "$image")
size=$(jq -r '.layers | max_by(.size).size' <<< "$image")
answer "$v2/small/blobs/$layer"
is 'a blob' "$(status)" 200
is 'its size is the manifest'\''s' "$(header content-length)" "$size"
is 'its bytes are its digest'\''s' \
    "sha256:$(sha256sum "$dir/body" | cut -c1-64)" "$layer"
cp "$dir/body" "$dir/blob"
answer -I "$v2/small/blobs/$layer"
is 'HEAD of a blob' "$(status) $(header content-length)" "200 $size"
answer -r 10-19 "$v2/small/blobs/$layer"
is 'a range' "$(status) $(header content-range)" "206 bytes 10-19/$size"
check 'the bytes of the range' cmp "$dir/body" \
    <(tail -c +11 "$dir/blob" | head -c 10)
answer -r "$((size - 5))-" "$v2/small/blobs/$layer"
is 'an open range' "$(status) $(header content-range)" \
    "206 bytes $((size - 5))-$((size - 1))/$size"
answer -r "$size-" "$v2/small/blobs/$layer"
is 'a range past the end' "$(status) $(header content-range)" \
    "416 bytes */$size"

for method in PUT POST PATCH DELETE; do
	answer -X "$method" "$v2/small/manifests/1"
	is "$method is refused" "$(status) $(error_code)" '405 UNSUPPORTED'
	has "$method: Allow says what works" "$(header allow)" 'GET.*HEAD'
done
answer "$v2/small/manifests/absent"
is 'an unknown tag' "$(status) $(error_code)" '404 MANIFEST_UNKNOWN'
answer "$v2/absent/manifests/1"
has 'an unknown repository' "$(status) $(error_code)" \
    '404 (NAME|MANIFEST)_UNKNOWN'
answer "$v2/small/blobs/sha256:$(printf '%064d' 0)"
is 'an unknown blob' "$(status) $(error_code)" '404 BLOB_UNKNOWN'
answer "$v2/small/manifests/sha256:short"
has 'a malformed digest' "$(status) $(error_code)" \
    '40[04] (DIGEST_INVALID|MANIFEST_(UNKNOWN|INVALID)|TAG_INVALID)'
answer "$v2/SMALL/manifests/1"
has 'a malformed name' "$(status) $(error_code)" \
    '40[04] NAME_(INVALID|UNKNOWN)'

answer "$v2/original/small/manifests/1"
source_digest=$(header docker-content-digest)
is 'the original is the source' "$source_digest" \
    "$(jq -r '.manifests[0].digest' "$layouts/library/small/index.json")"
answer "$v2/small/manifests/$source_digest"
is 'a source digest is refused' "$(status) $(error_code)" \
    '404 MANIFEST_UNKNOWN'
has 'and the variant'\''s digest named' \
    "$(jq -r '.errors[0].message' "$dir/body")" "$digest"
source_layer=$(platform_manifest original/small 1 | jq -r '.layers[0].digest')
answer "$v2/original/small/blobs/$source_layer"
is 'a source blob below original/' "$(status)" 200
answer "$v2/small/blobs/$source_layer"
is 'and not below the stripped name' "$(status) $(error_code)" \
    '404 BLOB_UNKNOWN'
answer "$v2/library/small/manifests/1?ns=docker.io"
is '?ns= names the upstream' "$(status) $(header docker-content-digest)" \
    "200 $digest"
answer "$v2/docker.io/library/small/manifests/1"
is 'so does the first component' \
    "$(status) $(header docker-content-digest)" "200 $digest"
finish
