#!/bin/sh
# A registry over HTTP that misbehaves: what an upstream makes of it.
set -eu
. "$top_srcdir/tests/daemon/lib.sh"

make_layout 300000
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=test -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/key" -out "$work/ca" 2>/dev/null
cat "$work/ca" "$work/key" >"$work/pem"
start_faulty_upstream "$work/pem"
type=application/vnd.oci.image.manifest.v1+json
echo secret >"$work/password"

run $url manifest app 1
check "manifest by tag" "ok $manifest $type $manifest_size"
run $url manifest app "$manifest"
check "manifest by digest" "ok $manifest $type $manifest_size"
run $url head app 1
check "head" "ok $manifest $type -"
run $url blob app "$layer" "$layer_size"
check "blob" "ok $layer $layer_size"
run $url manifest app 2
check "no such tag" \
    "error not-found test.example: app:2: registry answered 404: manifest unknown"
run $url head app 2
check "no such tag, by HEAD" "error not-found *app:2: registry answered 404"
run $url blob app "$manifest" 3
check "blob of another size" "error digest *"

# Lists come in pages; only the query of the next page's address counts.
scenario '{"rules": [
  {"match": "tags/list.n=1000$", "status": 200, "body": "{\"tags\": [\"1\"]}",
   "headers": {"Link": "<http://{other}/v2/x/tags/list?last=1&n=1>; rel=\"next\""}},
  {"match": "tags/list.last=1&n=1$", "status": 200,
   "body": "{\"tags\": [\"2\", \"3\"]}",
   "headers": {"Link": "</v2/app/tags/list?last=3>; rel=\"next\""}},
  {"match": "tags/list.last=3$", "status": 200, "body": "{\"tags\": null}"},
  {"match": "referrers", "status": 200, "body":
   "{\"manifests\": [{\"digest\": \"a\"}, {\"digest\": \"b\"}]}"}]}'
run $url tags app referrers app "$manifest"
check "lists" "ok 1 2 3
ok a b"
logged "nobody else is asked" 0 "^other"
rule '{"match": "tags", "status": 200, "body": "{\"tags\": [\"1\"]}",
   "headers": {"Link": "</v2/app/tags/list?last=3>; rel=\"next\""}}'
run $url tags app
check "a list without end" "error limit *app: list of tags: *pages*"
rule '{"match": "tags", "status": 200, "body": "[1]"}'
run $url tags app
check "a list that is none" "error upstream *app: list of tags: *"
rule '{"match": "tags", "status": 200, "body": "{\"tags\": [\"1\"]}",
   "headers": {"Link": "</v2/app/tags/list?last=3 HTTP>; rel=\"next\""}}'
run $url tags app
check "a link that is no address" "ok 1"
rule '{"match": "tags", "status": 404, "body": "no"}'
run $url tags app
check "no such repository" "error not-found *"
# A registry without referrers: they are under a tag, or there are none.
scenario '{}'
run $url referrers app "$manifest"
check "no referrers" "ok"
rule '{"match": "manifests/sha256-", "status": 200, "body":
   "{\"schemaVersion\": 2, \"manifests\": [{\"digest\": \"x\"}]}"}'
run $url referrers app "$manifest"
check "referrers under a tag" "ok x"
rule '{"match": "referrers", "status": 503}'
run $url referrers app "$manifest"
check "referrers of a failing registry" "error upstream *"

rule '{"match": "manifests", "flip": true}'
run $url manifest app 1
check "manifest with wrong bytes" "error digest *called them $manifest"
rule '{"match": "manifests", "flip": true, "omit": ["Docker-Content-Digest"]}'
run $url manifest app "$manifest"
check "wrong bytes for a digest" "error digest *app@$manifest: *other bytes*"
rule '{"match": "manifests", "status": 200, "body": "<html>"}'
run $url manifest app 1
check "manifest that is none" "error upstream *app:1: the manifest is not JSON*"
rule '{"match": "manifests", "length": 5000}'
run $url manifest app 1
check "manifest shorter than its Content-Length" "error upstream *"
rule '{"match": "manifests", "extra": 5000000, "chunked": true}'
run $url manifest app 1
check "endless manifest" "error limit *larger than 4194304 bytes"
rule '{"match": "manifests", "omit": ["Docker-Content-Digest"]}'
run $url head app 1
check "HEAD without a digest" "ok $manifest $type $manifest_size"
rule '{"match": "HEAD", "status": 405}'
run $url head app 1
check "HEAD refused" "ok $manifest $type $manifest_size"
rule '{"match": "manifests", "type": "text/plain"}'
run $url head app 1
check "HEAD with a useless type" "ok $manifest $type $manifest_size"

rule '{"match": "manifests", "status": 403, "body":
    "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\\nway\"}]}"}'
run $url manifest app 1
check "403 with the upstream's words" \
    "error denied test.example: app:1: registry answered 403: no*way"
rule '{"match": "manifests", "status": 429, "headers": {"Retry-After": "7"}}'
run $url manifest app 1
check "429" "error rate-limit *registry answered 429 (Retry-After: 7)"
rule '{"match": "app/manifests", "status": 429, "headers": {"Retry-After": "60"}}'
run $url manifest app 1 manifest app 1 head app 1 blob app "$layer" "$layer_size"
check "429: nobody asks for the same again before" \
    "error rate-limit *app:1: registry answered 429 (Retry-After: 60)
error rate-limit *app:1: registry answered 429 (Retry-After: 60)
error rate-limit *app:1: registry answered 429 (Retry-After: 60)
ok $layer $layer_size"
logged "429: one request" 1 "app/manifests/1"
rule '{"match": "manifests", "status": 500, "headers": {"Retry-After": "60"}}'
run $url manifest app 1 manifest app 1
logged "500 says nothing about when" 2 "app/manifests/1"
rule '{"match": ".", "status": 503, "body": "<html>"}'
run $url manifest app 1 head app 1 blob app "$layer" "$layer_size"
check "503" "error upstream *app:1: registry answered 503
error upstream *app:1: registry answered 503
error upstream *app@$layer: registry answered 503"
rule '{"match": "manifests", "stall": true}'
run -i 1000 $url manifest app 1
check "no first byte" "error timeout *"
run http://127.0.0.1:1 manifest app 1
check "nobody listens" "error upstream test.example: app:1: 127.0.0.1: *"

rule '{"match": "blobs", "flip": true}'
run $url blob app "$layer" "$layer_size"
check "blob with wrong bytes is for the reader to see" "ok sha256:* $layer_size"
rule '{"match": "blobs", "status": 404}'
run $url blob app "$layer" "$layer_size"
check "missing blob" "error not-found *"
rule '{"match": "blobs", "truncate": 1000}'
run $url blob app "$layer" "$layer_size"
check "truncated blob" "error digest *has 1000 bytes*"
rule '{"match": "blobs", "truncate": 1000, "chunked": true}'
run $url blob app "$layer" "$layer_size"
check "truncated blob of unknown length" "error digest *sent 1000 of *"
rule '{"match": "blobs", "extra": 1, "chunked": true}'
run $url blob app "$layer" "$layer_size"
check "blob with a byte too many" "error digest *more than the $layer_size*"
rule '{"match": "blobs", "length": 1}'
run $url blob app "$layer" "$layer_size"
check "lying Content-Length" "error digest *has 1 bytes*"

rule '{"match": "blobs", "drop": 100000, "times": 2}'
run $url blob app "$layer" "$layer_size"
check "dropped twice" "ok $layer $layer_size"
logged "resumes ask for the rest" 1 'range=bytes=100000-'
logged "and for the rest of the rest" 1 'range=bytes=200000-'
rule '{"match": "blobs", "drop": 100000, "no_range": true, "times": 1},
    {"match": "blobs", "no_range": true}'
run $url blob app "$layer" "$layer_size"
check "dropped, without ranges" "ok $layer $layer_size"
rule '{"match": "blobs", "drop": 10}'
run $url blob app "$layer" "$layer_size"
check "dropped every time" "error upstream *"
logged "three resumes" 4 'blobs'
rule '{"match": "blobs", "stall_at": 1000, "times": 1}'
run -i 2000 $url blob app "$layer" "$layer_size"
check "stalled in the middle" "ok $layer $layer_size"
rule '{"match": "blobs", "drop": 1000, "times": 1},
    {"match": "blobs", "status": 206, "headers":
	{"Content-Range": "bytes 5-9/10"}, "body": "aaaaa"}'
run $url blob app "$layer" "$layer_size"
check "another range" "error upstream *another range*"

bearer='"auth": {"scheme": "bearer", "user": "u", "password": "secret"'
scenario "{$bearer, \"anonymous\": true}}"
run $url manifest app 1 head app 1 blob app "$layer" "$layer_size"
check "anonymous token" "ok $manifest *
ok $manifest *
ok $layer *"
logged "one token for one repository" 1 '/token'
logged "service and scope are encoded" 1 \
    'token\?service=s%2C1&scope=repository:app:pull '
scenario "{$bearer, \"anonymous\": true, \"field\": \"access_token\"}}"
run $url manifest app 1 and manifest app 1 and manifest app 1 and manifest b/c 1
check "access_token" "ok $manifest *ok *ok *ok *"
logged "tokens are fetched once per repository" 2 '/token'
scenario "{$bearer, \"anonymous\": true}, \"rules\": [
    {\"match\": \"/token\", \"status\": 429, \"headers\": {\"Retry-After\": \"60\"}}]}"
run $url manifest app 1 manifest app 1 manifest app 1
check "token server overrun" "error rate-limit *token server answered 429*
error rate-limit *token server answered 429*
error rate-limit *token server answered 429*"
logged "token server overrun: asked once" 1 '/token'
scenario "{$bearer}}"
run $url manifest app 1
check "token refused" "error unauthorized *token server answered 401: wrong *"
run -u u -p "$work/password" "$url" manifest app 1
check "token for a password" "ok $manifest *"
logged "the password goes to the token server only" 0 'v2.*auth=basic'
run -u u -p "$work/none" "$url" manifest app 1
check "no password file" "error unauthorized *password of u: *none*"
scenario "{$bearer, \"anonymous\": true, \"accept\": 1}}"
run $url manifest app 1 manifest app 1
check "token refused later" "ok $manifest *ok $manifest *"
logged "fetched again" 2 '/token'
scenario "{$bearer, \"anonymous\": true, \"accept\": 1, \"stale_status\": 400}}"
run $url manifest app 1 manifest app 1
check "token expired, told by 400" "ok $manifest *ok $manifest *"
scenario "{$bearer, \"anonymous\": true, \"challenge\": false}}"
run $url manifest app 1
check "challenge from /v2/" "ok $manifest *"
scenario "{$bearer, \"realm\": \"http://10.1.2.3/token\"}}"
run -u u -p "$work/password" "$url" manifest app 1
check "token server elsewhere" "error denied *127.0.0.1 names *10.1.2.3*refused"
scenario "{$bearer, \"anonymous\": true, \"accept\": 0}}"
run $url manifest app 1
check "token of no use" "error unauthorized *registry answered 401: auth*"
scenario '{"auth": {"scheme": "basic", "user": "u", "password": "secret"}}'
run -u u -p "$work/password" "$url" manifest app 1
check "password" "ok $manifest *"
run $url manifest app 1
check "password wanted" "error unauthorized *none is configured"
run -u v -p "$work/password" "$url" manifest app 1
check "wrong password" "error unauthorized *registry answered 401: *"

scenario '{"auth": {"scheme": "basic", "user": "u", "password": "secret"},
    "rules": [{"match": "main GET /v2/app/blobs", "redirect": "other"},
    {"match": "other .*blobs", "drop": 1000, "times": 1}]}'
run -u u -p "$work/password" "$url" manifest app 1 blob app "$layer" "$layer_size"
check "redirect to another port" "ok $manifest *ok $layer *"
logged "credentials go to the registry" 3 '^main .*auth=basic'
logged "and not to another port" 0 '^other .*auth=[^n]'
logged "a resume starts at the registry" 1 '^main .*range=bytes=1000-'
rule '{"match": "main .*blobs", "redirect": "main"}'
run $url blob app "$layer" "$layer_size"
check "redirects in a circle" "error upstream *more than 10 redirects"
rule '{"match": "blobs", "redirect": "file:///etc/passwd"}'
run $url blob app "$layer" "$layer_size"
check "redirect to a file" "error * not an http or https URL"
scenario "{$bearer, \"anonymous\": true}, \"rules\": [
    {\"match\": \"main .*app/manifests\", \"times\": 2},
    {\"match\": \"main .*manifests\", \"redirect\": \"http://{main}/moved\"},
    {\"match\": \"moved\", \"redirect\": \"http://{other}/v2/app/manifests/1\"}]}"
run $url manifest app 1 manifest app 1
check "redirect to the same host, then away" "ok $manifest *ok $manifest *"
logged "which takes the token along" 1 '^main .*moved auth=bearer'
logged "and drops it" 0 '^other .*auth=[^n]'

scenario "{$bearer, \"anonymous\": true, \"ports\": [\"other\"],
	\"realm\": \"http://{other}/token\"},
    \"rules\": [{\"match\": \"main \", \"redirect\": \"other\"}]}"
run -u u -p "$work/password" "$url" manifest app 1 head app 1 \
    blob app "$layer" "$layer_size"
check "redirect to a registry that wants a token" "ok $manifest *
ok $manifest *
ok $layer $layer_size"
logged "which is anonymous" 0 'token.*auth=basic'
logged "and fetched once" 1 'other GET /token'
logged "and not shown to the registry" 0 '^main .*auth=bearer'
scenario '{"auth": {"scheme": "basic", "user": "u", "password": "secret",
    "ports": ["other"]}, "rules": [{"match": "main ", "redirect": "other"}]}'
run -u u -p "$work/password" "$url" manifest app 1
check "redirect to a host that wants a password" "error unauthorized *"
logged "which it does not get" 0 'auth=basic'

scenario "{}"
run -a "$work/ca" "https://127.0.0.1:$tls" manifest app 1
check "TLS" "ok $manifest *"
run "https://127.0.0.1:$tls" manifest app 1
check "TLS with an unknown authority" "error upstream *certificate*"
rule '{"match": "tls", "redirect": "main"}'
run -a "$work/ca" "https://127.0.0.1:$tls" manifest app 1
check "redirect from https to http" "error upstream *from https to http*"
scenario "{$bearer, \"anonymous\": true}}"
run -a "$work/ca" "https://127.0.0.1:$tls" manifest app 1
check "token server without TLS" "error denied *without TLS*"
logged "it is not asked" 0 '/token'

rule '{"match": "blobs", "stall_at": 1000}'
run $url cancel app "$layer" "$layer_size" leave app "$layer" "$layer_size"
check "cancelled at the first byte, and before any" "cancelled
left"
scenario "{}"
b="blob app $layer $layer_size"
# shellcheck disable=SC2086 # words
run -c 2 $url $b and $b and leave ${b#blob } and cancel ${b#blob } and $b and $b
check "queue" "left
*ok $layer*ok $layer*ok $layer*ok $layer*"
logged "who leaves the queue does not ask" 5 'blobs'

[ $failures -eq 0 ]
