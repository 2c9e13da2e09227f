#!/bin/bash
# The distribution specification's MUST and SHOULD of "Pull" and "Content
# Discovery", and what clients were seen to need besides, against every kind of
# name: variant, original, virtual, with the host in the name and in ?ns=.
. "$(dirname "$0")/lib.sh"

need python3 curl jq
python3 "$tests/lib/zoo_layout.py" "$dir/zoo" || bail 'no test images'
policies=$dir/policies.d
mkdir -p "$policies"
for name in multi signed; do
	printf 'repository: docker.io/library/%s\nkeep: [/data]\n' "$name" \
	    > "$policies/$name.yaml"
done
printf 'repository: distroless/multi\nsource: docker.io/library/multi\nkeep: [/data]\n' \
    > "$policies/virtual.yaml"
address=127.0.0.1:$(free_port)
start_ready upstream 20 answers "http://$address/v2/" -- \
    python3 "$tests/e2e/upstream.py" "$address" "$dir/zoo" "$dir/fault"
start_winnowd "http://$address"
base=http://$proxy

# ask PATH [CURL-ARGUMENT...]: into the files status, head and body.
ask()
{
	: > "$dir/body"
	curl -sS -D "$dir/raw" -o "$dir/body" -w '%{http_code}' "${@:2}" \
	    "$base$1" > "$dir/status"
	tr -d '\r' < "$dir/raw" | grep -v '^Date:' > "$dir/head"
}
status() { cat "$dir/status"; }
header() { sed -n "s/^$1: //Ip" "$dir/head"; }
code() { jq -r '.errors[0].code' "$dir/body"; }
digest() { echo "sha256:$(sha256sum < "$dir/body" | cut -c1-64)"; }

ask /v2/
is 'end-1: /v2/' "$(status) $(header content-type) $(cat "$dir/body")" \
    '200 application/json {}'
ask /v2
is '/v2 without a slash' "$(status)" 200
ask / --request-target http://elsewhere.test/v2/
is 'an absolute target, whatever host it names' "$(status)" 200
is 'it says what API it speaks' \
    "$(header docker-distribution-api-version)" registry/2.0

# --- manifests and blobs, under each kind of name ---
# manifest_of NAME QUERY
manifest_of()
{
	local name=$1 query=$2 path=/v2/$1/manifests head_digest accept
	# What HEAD of a tag names must be there at once.
	ask "$path/1$query" -I
	head_digest=$(header docker-content-digest)
	cp "$dir/head" "$dir/head.head"
	is "$name: HEAD of a tag" "$(status)" 200
	ask "$path/$head_digest$query"
	is "$name: its digest, at once" "$(status) $(digest)" "200 $head_digest"
	ask "$path/1$query"
	is "$name: the tag" "$(status) $(digest)" "200 $head_digest"
	check "$name: HEAD has GET's headers" cmp "$dir/head" "$dir/head.head"
	is "$name: type, length and tag of the entity" \
	    "$(header content-type) $(header content-length) $(header etag)" \
	    "$(jq -r .mediaType "$dir/body") $(stat -c %s "$dir/body") \"$head_digest\""
	cp "$dir/body" "$dir/manifest"
	for accept in '' '*/*' 'application/vnd.oci.image.manifest.v1+json' \
	    'application/vnd.docker.distribution.manifest.v1+json'; do
		ask "$path/1$query" -H "Accept: $accept" -H 'Accept-Encoding: gzip'
		is "$name: the same bytes to Accept: $accept" \
		    "$(status) $(digest)$(header content-encoding)$(header vary)" \
		    "200 $head_digest"
	done
	for accept in "\"$head_digest\"" "$head_digest" "W/\"$head_digest\"" \
	    "\"x\", \"$head_digest\"" '*'; do
		ask "$path/1$query" -H "If-None-Match: $accept"
		is "$name: If-None-Match: $accept" \
		    "$(status) $(stat -c %s "$dir/body")" '304 0'
	done
	ask "$path/1$query" -H 'If-None-Match: "sha256:other"'
	is "$name: If-None-Match of something else" "$(status)" 200
	ask "/v2/$name/blobs/$head_digest$query"
	is "$name: a manifest is no blob" "$(status) $(code)" '404 BLOB_UNKNOWN'
}

# blob_of NAME QUERY: a layer of the first image of the index in `manifest`.
blob_of()
{
	local name=$1 query=$2 child blob size path
	child=$(jq -r '.manifests[0].digest' "$dir/manifest")
	ask "/v2/$name/manifests/$child$query"
	blob=$(jq -r '.layers[0].digest' "$dir/body")
	size=$(jq -r '.layers[0].size' "$dir/body")
	path=/v2/$name/blobs/$blob$query
	ask "$path" -I
	cp "$dir/head" "$dir/head.head"
	ask "$path"
	is "$name: a blob" "$(status) $(digest) $(header content-length)" \
	    "200 $blob $size"
	check "$name: HEAD has GET's headers" cmp "$dir/head" "$dir/head.head"
	is "$name: its headers" "$(header content-type) $(header etag) $(header accept-ranges) $(header docker-content-digest)" \
	    "application/octet-stream \"$blob\" bytes $blob"
	ask "$path" -r 3-7
	is "$name: a range" "$(status) $(header content-range) $(header content-length)" \
	    "206 bytes 3-7/$size 5"
	ask "$path" -r 3-
	is "$name: an open range" "$(status) $(header content-range)" \
	    "206 bytes 3-$((size - 1))/$size"
	ask "$path" -r "$size-"
	is "$name: a range past the end" "$(status) $(header content-range)" \
	    "416 bytes */$size"
	ask "$path" -r 0-1,4-5
	is "$name: several ranges: all of it" "$(status) $(digest)" "200 $blob"
	ask "$path" -H 'Accept-Encoding: gzip'
	is "$name: never encoded" "$(digest)$(header content-encoding)" "$blob"
	ask "$path" -H "If-None-Match: \"$blob\""
	is "$name: a blob that the client has" "$(status)" 304
	ask "/v2/$name/manifests/$blob$query"
	is "$name: a blob is no manifest" "$(status) $(code)" \
	    '404 MANIFEST_UNKNOWN'
	ask "$path" -X PUT --data-binary @"$dir/manifest"
	is "$name: nothing is written" "$(status) $(code)" '405 UNSUPPORTED'
}

for name in multi library/multi docker.io/library/multi distroless/multi \
    original/multi; do
	manifest_of "$name" ''
	blob_of "$name" ''
done
manifest_of library/multi '?ns=docker.io'
ask '/v2/library/multi/manifests/1?ns=docker.io'
is 'a namespace that was used is named' "$(header oci-namespace)" docker.io
ask /v2/multi/manifests/1
is 'and no other' "$(header oci-namespace)" ''
ask '/v2/library/multi/manifests/1?ns=169.254.169.254'
is 'a namespace that is not configured' "$(status) $(code)" '404 NAME_UNKNOWN'

# --- what is not there, or is no request: STATUS CODE PATH ---
# The length is that of the request's id too, which may have got a digit more.
headers_but_length() { grep -iv '^content-length:' "$dir/head"; }
zero=sha256:$(printf '%064d' 0)
while read -r want_status want_code path; do
	ask "$path"
	is "$path" "$(status) $(code) $(header content-type)" \
	    "$want_status $want_code application/json"
	get=$(headers_but_length)
	ask "$path" -I
	is "HEAD $path: the same, without a body" \
	    "$(headers_but_length)" "$get"
	has 'and with a length' "$(header content-length)" '^[0-9]+$'
done <<-EOL
	404 MANIFEST_UNKNOWN /v2/multi/manifests/absent
	404 MANIFEST_UNKNOWN /v2/multi/manifests/.INVALID_MANIFEST_NAME
	404 MANIFEST_UNKNOWN /v2/multi/manifests/$zero
	400 DIGEST_INVALID /v2/multi/manifests/sha256:baddigeststring
	404 BLOB_UNKNOWN /v2/multi/blobs/$zero
	400 DIGEST_INVALID /v2/multi/blobs/sha256:BAD
	400 DIGEST_INVALID /v2/multi/blobs/1
	400 NAME_INVALID /v2/MULTI/manifests/1
	400 NAME_INVALID /v2/multi%2f..%2fother/manifests/1
	404 NAME_UNKNOWN /v2/absent/tags/list
	400 PAGINATION_NUMBER_INVALID /v2/multi/tags/list?n=x
	400 PAGINATION_NUMBER_INVALID /v2/multi/tags/list?n=-1
	400 DIGEST_INVALID /v2/multi/referrers/latest
	404 UNSUPPORTED /v2/_catalog
	404 UNSUPPORTED /v2/multi/unknown/1
	404 MANIFEST_UNKNOWN /v2/_winnow/map?repo=multi&digest=$zero
EOL
head -c 3000000 /dev/zero > "$dir/large"
for method in PUT POST PATCH DELETE OPTIONS TRACE BREW; do
	ask /v2/multi/manifests/1 -X "$method"
	is "$method" "$(status) $(code) $(header allow) $(header connection)" \
	    '405 UNSUPPORTED GET, HEAD close'
done
ask /v2/multi/blobs/uploads/ -X POST --data-binary @"$dir/large"
has 'a large body is not read, and refused in the same form' \
    "$(status) $(code) $(header connection)" '4(05|13) UNSUPPORTED close'

# --- tags ---
all=$(curl -sS "$base/v2/original/signed/tags/list" | jq -c .tags)
# pages NAME N QUERY: every page, by following the links.
pages()
{
	local path="/v2/$1/tags/list?n=$2$3" tags=()
	while [ -n "$path" ]; do
		ask "$path"
		tags+=("$(jq -c '.tags[]' "$dir/body")")
		[ "$(jq '.tags | length' "$dir/body")" -le "$2" ] ||
		    echo 'more than n'
		path=$(header link | sed -n 's/^<\(.*\)>; rel="next"$/\1/p')
	done
	printf '%s\n' "${tags[@]}" | jq -cs .
}
is 'tags, all at once' "$(jq length <<< "$all")" 2
is 'tags, page by page' "$(pages original/signed 1 '')" "$all"
is 'also with ns' "$(pages library/multi 1 '&ns=docker.io')" '["1"]'
ask '/v2/original/signed/tags/list?n=1&last=0'
is 'last need not exist' "$(jq -c .tags "$dir/body")" '["1"]'
ask '/v2/original/signed/tags/list?last=1'
is 'last is not in the list' "$(jq '.tags | length' "$dir/body")" 1
ask '/v2/original/signed/tags/list?n=0'
is 'n=0: nothing, and no link' "$(jq -c .tags "$dir/body")$(header link)" '[]'
ask /v2/signed/tags/list
is 'the name as it was asked for' "$(jq -r .name "$dir/body")" signed
ask /v2/distroless/multi/tags/list
is 'a virtual repository has its source'\''s tags' \
    "$(jq -c . "$dir/body")" '{"name":"distroless/multi","tags":["1"]}'

# --- referrers ---
for path in "multi/referrers/$zero" "original/multi/referrers/$zero" \
    "multi/referrers/sha512:$(printf '%0128d' 0)"; do
	ask "/v2/$path"
	is "$path: an empty index" \
	    "$(status) $(header content-type) $(jq -c '[.schemaVersion, .mediaType, .manifests]' "$dir/body")" \
	    '200 application/vnd.oci.image.index.v1+json [2,"application/vnd.oci.image.index.v1+json",[]]'
	is 'no filter was applied' "$(header oci-filters-applied)" ''
done
ask "/v2/multi/referrers/$zero?artifactType=application/vnd.x%2Bjson"
is 'a filter that was applied' "$(header oci-filters-applied)" artifactType

# --- the digest map ---
ask /v2/original/multi/manifests/1
source=$(header docker-content-digest)
ask /v2/multi/manifests/1
variant=$(header docker-content-digest)
mapped() { curl -sS "$base/v2/_winnow/map?repo=$1&digest=$2" | jq -r ".$3"; }
is 'from source to variant' "$(mapped multi "$source" variant)" "$variant"
is 'and back' "$(mapped multi "$variant" source)" "$source"
is 'by any name of the repository' \
    "$(mapped docker.io/library/multi "${source/:/%3A}" variant)" "$variant"
ask "/v2/multi/manifests/$source"
has 'a refused digest is told which' "$(status) $(cat "$dir/body")" \
    "^404.*$variant"
stop winnowd
stop upstream
start_winnowd
is 'also after a restart' "$(mapped multi "$source" variant)" "$variant"
ask "/v2/multi/manifests/$variant"
is 'a variant'\''s digest is answered, without upstream' \
    "$(status) $(digest)" "200 $variant"
child=$(jq -r '.manifests[0].digest' "$dir/body")
ask "/v2/multi/manifests/$child"
is 'and its children' "$(status) $(digest)" "200 $child"
ask "/v2/multi/blobs/$(jq -r '.layers[0].digest' "$dir/body")"
is 'and their blobs' "$(status)" 200
finish
