#!/bin/bash
# Everything that a repository may hold, under a policy and without: indexes of
# several platforms, nested, sparse, without platforms; artifacts, signatures,
# schema 1.  Each digest and size of what is served is checked.
. "$(dirname "$0")/lib.sh"

need python3 curl jq skopeo
python3 "$tests/lib/zoo_layout.py" "$dir/zoo" || bail 'no test images'
policies=$dir/policies.d
mkdir -p "$policies"
for name in image multi nested deep bare sparse chart wasm oras schema1 signed; do
	printf 'repository: docker.io/library/%s\nkeep: [/data]\n' "$name" \
	    > "$policies/$name.yaml"
done
echo 'platforms: [linux/arm, linux/amd64]' >> "$policies/nested.yaml"
cat > "$policies/fake.yaml" <<-'EOP'
repository: docker.io/library/fake
keep: [/data]
artifacts: pass
EOP
address=127.0.0.1:$(free_port)
start_ready upstream 20 answers "http://$address/v2/" -- \
    python3 "$tests/e2e/upstream.py" "$address" "$dir/zoo" "$dir/fault"
start_winnowd "http://$address" 'platforms: [linux/amd64, linux/arm64/v8]'
v2=http://$proxy/v2

walk() { python3 "$tests/lib/walk_image.py" "http://$proxy" "$1" "${2:-1}"; }
platforms() { walk "$@" | cut -d' ' -f1 | tr '\n' ' '; }
# refusal PATH: status, code and message.
refusal()
{
	curl -sS -H "Accept: $accept" -w '%{http_code} ' -o "$dir/body" "$v2/$1"
	jq -r '.errors[0] | "\(.code) \(.message)"' "$dir/body"
}
source_digest()
{
	jq -r '.manifests[0].digest' "$dir/zoo/library/$1/index.json"
}

is 'an index of the configured platforms' "$(platforms multi)" \
    'linux/amd64 linux/arm64/v8 '
is 'the original has all, and the attestations' "$(platforms original/multi)" \
    'linux/amd64 linux/arm64/v8 linux/arm/v7 linux/386 unknown/unknown unknown/unknown unknown/unknown unknown/unknown '
is 'an index in an index, flat, of the platforms of its policy' \
    "$(platforms nested)" 'linux/amd64 linux/arm/v7 '
is 'an original keeps its indexes' "$(platforms original/nested)" \
    'linux/arm64/v8 linux/arm/v7 linux/386 linux/amd64 '
has 'too many indexes in each other' "$(refusal deep/manifests/1)" \
    '^403 DENIED .*in each other'
is 'entries without a platform: their configs have it' "$(platforms bare)" \
    '- - '
is 'a sparse index: what there is' "$(platforms sparse)" 'linux/amd64 '
is 'one image' "$(platforms image)" '- '
for name in multi nested bare sparse; do
	check "skopeo copies all of $name" skopeo copy -q --all \
	    --src-tls-verify=false "docker://$proxy/$name:1" "oci:$dir/$name:1"
done
lacks_secret()
{
	python3 - "$dir" "$@" <<-'EOP'
	import glob, gzip, sys
	for name in sys.argv[2:]:
	    blobs = glob.glob(sys.argv[1] + "/" + name + "/blobs/sha256/*")
	    assert blobs
	    for path in blobs:
	        with open(path, "rb") as file:
	            data = file.read()
	        if data[:2] == b"\x1f\x8b":
	            data = gzip.decompress(data)
	            assert b"secret" not in data, path
	EOP
}
check 'and gets nothing that was stripped' lacks_secret multi nested bare sparse

for name in chart wasm oras; do
	has "an artifact ($name) is not stripped" \
	    "$(refusal "$name/manifests/1")" '^403 DENIED .*artifacts: pass'
	is "and passes as original" "$(walk "original/$name" | cut -d' ' -f2)" \
	    "$(source_digest "$name")"
done
has 'it is called what it says it is' "$(refusal oras/manifests/1)" \
    'application/vnd.example.thing'
is 'a policy lets artifacts pass' "$(walk fake | cut -d' ' -f2)" \
    "$(source_digest fake)"
is 'also by digest' "$(walk fake "$(source_digest fake)" | cut -d' ' -f2)" \
    "$(source_digest fake)"
echo 'keep: [/data]
repository: docker.io/library/fake' > "$policies/fake.yaml"
kill -HUP "${pids[winnowd]}"
refused() { [[ $(refusal "$1") == 40[34]* ]]; }
check 'until it no longer does' wait_for 10 everywhere refused fake/manifests/1
has 'nor by digest' "$(refusal "fake/manifests/$(source_digest fake)")" \
    '^404 MANIFEST_UNKNOWN'
has 'schema 1 is refused, with the reason' "$(refusal schema1/manifests/1)" \
    '^403 DENIED .*schema 1'
has 'as an original, too' "$(refusal original/schema1/manifests/1)" \
    '^403 DENIED .*schema 1'

signature=$(source_digest signed | tr : -).sig
subject=$(source_digest signed)
variant=$(walk signed | cut -d' ' -f2)
has 'a variant has no signature' "$(refusal "signed/manifests/$signature")" \
    '^404 MANIFEST_UNKNOWN .*original/'
has 'nor under its own digest' \
    "$(refusal "signed/manifests/${variant/:/-}.sig")" '^404 MANIFEST_UNKNOWN'
check 'an original has' walk original/signed "$signature"
is 'tags of a variant' "$(curl -sS "$v2/signed/tags/list" | jq -c .tags)" '["1"]'
is 'tags of an original' \
    "$(curl -sS "$v2/original/signed/tags/list" | jq -c .tags)" \
    "[\"1\",\"$signature\"]"
referrers() { curl -sS "$v2/$1" | jq -r '.manifests[].artifactType' | xargs; }
is 'a variant has no referrers' "$(referrers "signed/referrers/$variant")" ''
is 'nor the source under its name' "$(referrers "signed/referrers/$subject")" ''
is 'an original has' "$(referrers "original/signed/referrers/$subject" |
    tr ' ' '\n' | sort | xargs)" \
    'application/vnd.example.sbom application/vnd.example.sig'
is 'by type' "$(referrers \
    "original/signed/referrers/$subject?artifactType=application/vnd.example.sig")" \
    'application/vnd.example.sig'
referrer=$(curl -sS "$v2/original/signed/referrers/$subject" |
    jq -r '.manifests[0].digest')
check 'a referrer can be fetched' walk original/signed "$referrer"

# From a real registry: the same variants of the same sources.
need docker-registry
start_registry registry "$dir/registry"
push_layout "$dir/zoo" multi 1 "${addresses[registry]}" ||
    bail 'cannot fill the registry'
first=$(walk multi)
stop winnowd
rm -rf "$dir/store"
start_winnowd "http://${addresses[registry]}" \
    'platforms: [linux/amd64, linux/arm64/v8]'
is 'a real registry'\''s index gives the same variant' "$(walk multi)" "$first"
stop winnowd
rm -rf "$dir/store"
start_winnowd "oci:$dir/zoo" 'platforms: [linux/amd64, linux/arm64/v8]'
is 'and so does a layout' "$(walk multi)" "$first"
finish
