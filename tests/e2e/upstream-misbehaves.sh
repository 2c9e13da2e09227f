#!/bin/bash
# Whatever an upstream does wrong: the client gets the status and reason that
# it can act on, or the right bytes; what is kept is what its digest says; and
# once the upstream behaves, the same request to the same daemon succeeds.
. "$(dirname "$0")/lib.sh"

# new_image: another one under tag 1 of every repository, so that each row
# finds the cache cold; its layer is large enough to be streamed.
row=0
new_image()
{
	row=$((row + 1))
	python3 "$tests/lib/tiny_layout.py" "$dir/layout" "$row" \
	    $((1100000 + row)) > "$dir/names"
	read -r _ layer manifest < <(awk '{ print $2 }' "$dir/names" | paste -sd' ')
}
zeros=sha256:$(printf '0%.0s' {1..64})

policies=$dir/policies.d
mkdir "$policies"
printf 'repository: docker.io/library/app\nkeep: [/data]\n' > "$policies/app.yaml"

# scenario JSON: of the upstream; rules alone will do.
scenario()
{
	case $1 in
	'{"match"'*) echo "{\"rules\": [$1]}" ;;
	*) echo "$1" ;;
	esac > "$dir/scenario.new"
	mv "$dir/scenario.new" "$dir/scenario"
}

digest_of() { echo "sha256:$(sha256sum < "$1" | cut -c1-64)"; }
data_of() { tar -xzOf "$1" --wildcards '*data' | sha256sum; }

# The variant in $dir/body has its layer, and that the data of the original.
variant_is_right()
{
	local digest
	digest=$(jq -r '.layers[0].digest' "$dir/body")
	curl -sS -o "$dir/layer" "http://$proxy/v2/app/blobs/$digest"
	[ "$(digest_of "$dir/layer")" = "$digest" ] &&
	    same "$(data_of "$dir/layer")" \
	    "$(data_of "$dir/layout/blobs/sha256/${layer#*:}")"
}

# ask original|variant|blob: "STATUS right", "STATUS wrong", "STATUS broken"
# for a transfer that did not end, or "STATUS CODE MESSAGE".
ask()
{
	local url status wanted=''
	case $1 in
	original) url=original/app$row/manifests/$row wanted=$manifest ;;
	blob) url=original/app$row/blobs/$layer wanted=$layer ;;
	variant) url=app/manifests/$row ;;
	esac
	rm -f "$dir/body"
	if ! status=$(curl -sS -m 30 -D "$dir/headers" -o "$dir/body" \
	    -H "Accept: $accept" -w '%{http_code}' "http://$proxy/v2/$url" \
	    2> "$dir/curl.log"); then
		echo "$status broken"
	elif [ "$status" != 200 ]; then
		echo "$status $(jq -r '.errors[0] | .code + " " + .message' "$dir/body")"
	elif [ "$1" = variant ]; then
		variant_is_right && echo "$status right" || echo "$status wrong"
	elif [ "$(digest_of "$dir/body")" = "$wanted" ]; then
		echo "$status right"
	else
		echo "$status wrong"
	fi
}

# The names of what is kept of this row's image.
kept()
{
	local name digest
	while read -r name digest _; do
		[ ! -e "$dir/store/blobs/sha256/${digest:7:2}/${digest#*:}" ] ||
		    echo "$name"
	done < "$dir/names" | sort | paste -sd' '
}

keeps() { same "$(kept)" "$1"; }
kept_soon() { wait_for 5 keeps "$1" || keeps "$1"; }
only_answers() { same "$(ask "$1")" "200 right"; }

# What is kept under a digest has it.
store_is_honest()
{
	(cd "$dir/store/blobs/sha256" && find . -type f -printf '%f  %p\n' |
	    sha256sum --quiet -c)
}

# The upstream that behaves, which every row is followed by.
healthy='{}'

# row NAME REQUEST SCENARIO ANSWER [KEPT]: nothing of the image is in the
# cache; for a blob the manifest is.
row()
{
	local answer
	new_image
	if [ "$2" = blob ]; then
		scenario "$healthy"
		ask original > /dev/null
	fi
	scenario "${3//LAYER/$layer}"
	answer=$(ask "$2")
	has "$2, $1: $4" "$answer" "^$4"
	check "$2, $1: keeps ${5:-nothing}" kept_soon "${5:-}"
	scenario "$healthy"
	check "$2, $1: is overcome" only_answers "$2"
}

new_image
scenario '{}'
start_ready upstream 20 test -s "$dir/ports" -- python3 \
    "$tests/lib/faulty_upstream.py" "$dir/layout" "$dir/scenario" \
    "$dir/requests" "$dir/ports"
read -r main _ < "$dir/ports"
closed=$(free_port)
# Long enough for an upstream that works, on a machine with other work.
start_winnowd "http://127.0.0.1:$main" 'tag_ttl: 0s' 'negative_ttl: 0s' \
    'upstream_idle_timeout: 3s'
is 'an honest upstream: the variant' "$(ask variant)" '200 right'

# --- statuses
for request in original variant; do
	row 401 $request '{"match": "manifests", "status": 401}' '403 DENIED .*401'
	row 403 $request '{"match": "manifests", "status": 403}' \
	    '403 DENIED docker.io: library/app[0-9]*:[0-9]+: .*403'
	row 404 $request '{"match": "manifests", "status": 404}' \
	    '404 MANIFEST_UNKNOWN .*library/app[0-9]*:[0-9]+.*404'
	row 429 $request '{"match": "manifests", "status": 429,
	    "headers": {"Retry-After": "0"}}' '429 TOOMANYREQUESTS .*Retry-After: 0'
	row 500 $request '{"match": "manifests", "status": 500}' '502 UNAVAILABLE .*500'
	row '503 with a page' $request '{"match": "manifests", "status": 503,
	    "body": "<html>"}' '502 UNAVAILABLE .*503'
	row 504 $request '{"match": "manifests", "status": 504}' '504 UNAVAILABLE .*504'
	row 'no first byte' $request '{"match": "manifests", "stall": true}' \
	    '504 UNAVAILABLE .*library/app[0-9]*:[0-9]+'
done
row 'a status that is none' original '{"match": "manifests", "status": 299}' \
    '502 UNAVAILABLE .*no bytes'
row 'HEAD refused' original '{"match": "HEAD", "status": 405}' '200 right' manifest
row 401 blob '{"match": "blobs", "status": 401}' '403 DENIED .*401' manifest
row 403 blob '{"match": "blobs", "status": 403}' '403 DENIED .*403' manifest
row 404 blob '{"match": "blobs", "status": 404}' '404 BLOB_UNKNOWN .*404' manifest
row 429 blob '{"match": "blobs", "status": 429}' '429 TOOMANYREQUESTS .*429' manifest
row 503 blob '{"match": "blobs", "status": 503}' '502 UNAVAILABLE .*503' manifest
row 'no first byte' blob '{"match": "blobs", "stall": true}' \
    '504 UNAVAILABLE .*library/app' manifest

# --- headers that are missing or lie
row 'no digest' original '{"match": ".", "omit": ["Docker-Content-Digest"]}' \
    '200 right' manifest
row 'no type' original '{"match": "manifests", "omit": ["Content-Type"]}' \
    '200 right' manifest
row 'a useless type' original '{"match": "manifests", "type": "text/plain"}' \
    '200 right' manifest
row 'no length' original '{"match": "manifests", "chunked": true}' \
    '200 right' manifest
row 'no length' blob '{"match": "blobs", "chunked": true}' \
    '200 right' 'layer manifest'
row 'the digest of something else' original "{\"match\": \"manifests\",
    \"status\": 200, \"body\": \"{\\\"schemaVersion\\\": 2}\", \"headers\": {
    \"Docker-Content-Digest\": \"$zeros\",
    \"Content-Type\": \"application/vnd.oci.image.manifest.v1+json\"}}" \
    "502 UNAVAILABLE .*$zeros"
row 'too large a length' original '{"match": "GET.*manifests", "length": 5000}' \
    '502 UNAVAILABLE .*library/app'
row 'too small a length' blob '{"match": "blobs", "length": 1}' \
    '502 UNAVAILABLE .*has 1 bytes' manifest
row 'too large a length' blob '{"match": "blobs", "length": 1900000}' \
    '502 UNAVAILABLE .*has 1900000 bytes' manifest

# --- bytes
row 'wrong bytes' original '{"match": "GET.*manifests", "flip": true}' \
    '502 UNAVAILABLE .*library/app'
row 'wrong bytes' variant '{"match": "GET.*manifests", "flip": true}' \
    '502 UNAVAILABLE .*library/app'
row 'not a manifest' original '{"match": "manifests", "status": 200,
    "body": "<html>"}' '502 UNAVAILABLE .*not JSON'
row 'schema 1' original '{"match": "manifests", "status": 200, "headers":
    {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
    "body": "{\"schemaVersion\": 1}"}' '403 DENIED .*schema 1'
row 'an endless manifest' original '{"match": "GET.*manifests",
    "extra": 5000000, "chunked": true}' '403 DENIED .*larger than 4194304'
# Before anything of the reply has left it becomes an error: where the server
# hears at once that the blob comes and that it is wrong.
row 'wrong bytes' blob '{"match": "blobs", "flip": true}' \
    '([02]00 broken|502 UNAVAILABLE .*sha256)' manifest
row 'wrong bytes in a blob' variant '{"match": "blobs", "flip": true}' \
    '502 UNAVAILABLE .*sha256' manifest
row 'a wrong layer' variant '{"match": "blobs/LAYER", "flip": true}' \
    '502 UNAVAILABLE .*sha256' manifest
row 'too few bytes' blob '{"match": "blobs", "truncate": 1000}' \
    '502 UNAVAILABLE .*has 1000 bytes' manifest
row 'too few bytes' variant '{"match": "blobs", "truncate": 100}' \
    '502 UNAVAILABLE .*has 100 bytes' manifest
row 'a byte too many' blob '{"match": "blobs", "extra": 1, "chunked": true}' \
    '([02]00 broken|502 UNAVAILABLE .*sends more than)' manifest
row 'no layer' variant "{\"match\": \"blobs/LAYER\", \"status\": 404}" \
    '404 MANIFEST_UNKNOWN .*404' manifest

# --- transfers that break
drop="{\"match\": \"blobs/LAYER\", \"drop\": 700000"
rest="{\"match\": \"blobs/LAYER\", \"no_range\": true}"
row 'dropped twice' blob "$drop, \"times\": 2}" '200 right' 'layer manifest'
row 'dropped, no ranges' blob "$drop, \"no_range\": true, \"times\": 1}, $rest" \
    '200 right' 'layer manifest'
row 'dropped twice' variant "$drop, \"times\": 2}" '200 right' \
    manifest
row 'dropped every time' blob "{\"match\": \"blobs\", \"drop\": 100}" \
    '([02]00 broken|502 UNAVAILABLE .*library/app)' manifest
row 'silent in the middle' blob "{\"match\": \"blobs/LAYER\",
    \"stall_at\": 700000, \"times\": 1}" '200 right' 'layer manifest'
row 'another range than asked for' blob "$drop, \"times\": 1},
    {\"match\": \"blobs\", \"status\": 206, \"body\": \"aaaaa\", \"headers\":
    {\"Content-Range\": \"bytes 5-9/10\"}}" \
    '([02]00 broken|502 UNAVAILABLE .*another range)' manifest
row 'dropped' original '{"match": "GET.*manifests", "drop": 10}' \
    '502 UNAVAILABLE .*library/app'

# --- redirects
row 'elsewhere' original '{"match": "main ", "redirect": "other"}' \
    '200 right' manifest
row 'elsewhere' blob '{"match": "main ", "redirect": "other"}' \
    '200 right' 'layer manifest'
row 'in a circle' blob '{"match": "blobs", "redirect": "main"}' \
    '502 UNAVAILABLE .*redirects' manifest
row 'to a file' original '{"match": ".", "redirect": "file:///etc/passwd"}' \
    '403 DENIED .*not an http or https URL'
row 'to nowhere' blob '{"match": "blobs", "status": 307}' \
    '502 UNAVAILABLE .*307' manifest
row 'to a closed port' blob "{\"match\": \"main .*blobs\",
    \"redirect\": \"http://127.0.0.1:$closed/\"}" '502 UNAVAILABLE .*127.0.0.1' manifest
row 'that has expired' blob '{"match": "other ", "status": 403},
    {"match": "main .*blobs", "redirect": "other"}' '403 DENIED .*403' manifest

# --- token servers
token='{"auth": {"scheme": "bearer", "anonymous": true'
answers_token() { echo "$token}, \"rules\": [{\"match\": \"/token\", $1}]}"; }
healthy="$token}}"
row 'a token' variant "$token}}" '200 right' manifest
row 'access_token, no challenge but from /v2/' original \
    "$token, \"field\": \"access_token\", \"challenge\": false}}" '200 right' manifest
row 'tokens that expire' original \
    "$token, \"accept\": 1, \"stale_status\": 400}}" '200 right' manifest
row 'a token of no use' original "$token, \"accept\": 0}}" '403 DENIED .*401'
row 'no token for nobody' original '{"auth": {"scheme": "bearer"}}' \
    '403 DENIED .*token server answered 401'
row 'a password wanted' original \
    '{"auth": {"scheme": "basic", "user": "u", "password": "p"}}' \
    '403 DENIED .*none is configured'
row 'token server: 403' original "$(answers_token '"status": 403')" \
    '403 DENIED .*token server answered 403'
row 'token server: 429' original "$(answers_token '"status": 429')" \
    '429 TOOMANYREQUESTS .*token server answered 429'
row 'token server: 500' original "$(answers_token '"status": 500')" \
    '502 UNAVAILABLE .*token server answered 500'
row 'token server: silence' original "$(answers_token '"stall": true')" \
    '504 UNAVAILABLE .*token'
row 'token server: no JSON' original \
    "$(answers_token '"status": 200, "body": "<html>"')" '502 UNAVAILABLE .*token'
row 'token server: no token' original \
    "$(answers_token '"status": 200, "body": "{}"')" '502 UNAVAILABLE .*token'
row 'token server: moved' original "$(answers_token '"redirect": "other"')" \
    '502 UNAVAILABLE .*token server answered 307'
# names_token_server URL: while the one that is known is there no more.
names_token_server()
{
	echo "$token, \"realm\": \"$1\"},
	    \"rules\": [{\"match\": \"/token\", \"status\": 410}]}"
}
row 'token server: elsewhere' original \
    "$(names_token_server http://10.1.2.3/token)" '403 DENIED .*10\.1\.2\.3'
row 'token server: a file' original \
    "$(names_token_server file:///etc/passwd)" '403 DENIED .*no http or https URL'
row 'token server: a closed port' original \
    "$(names_token_server "http://127.0.0.1:$closed/")" '502 UNAVAILABLE .*token server'
row 'a challenge that is none' original '{"match": ".", "status": 401,
    "headers": {"WWW-Authenticate": "Bearer nonsense"}}' '403 DENIED .*'

healthy='{}'
row 'tokens, and later none' original "$token, \"accept\": 0}}" '403 DENIED .*401'

# stale NAME SCENARIO ANSWER: what was known, with a warning, is the answer
# to who asks by tag; or it is not.  A repository each, as servers remember.
number=1000
stale()
{
	local url status warning
	number=$((number + 1))
	url=http://$proxy/v2/original/app$number/manifests/$row
	scenario '{}'
	curl -sS -o "$dir/first" "$url"
	[ -z "$2" ] || scenario "$2"
	[ -n "$2" ] || stop upstream
	status=$(curl -sS -D "$dir/headers" -o "$dir/body" -w '%{http_code}' "$url")
	warning=$(grep -ic '^warning: 110 ' "$dir/headers")
	is "a known tag, $1: $3" "$status $warning" "$3"
	[ "$status" != 200 ] ||
	    check "a known tag, $1: as it was" cmp "$dir/first" "$dir/body"
}

new_image
stale 'no trouble' '{}' '200 0'
for status in 429 500 502 503 504; do
	stale "$status" "{\"match\": \".\", \"status\": $status}" '200 1'
done
stale 'no first byte' '{"match": ".", "stall": true}' '200 1'
stale 'wrong bytes' "{\"match\": \"HEAD\", \"status\": 405},
    {\"match\": \"manifests\", \"flip\": true}" '502 0'
for status in 401 403; do
	stale "$status" "{\"match\": \".\", \"status\": $status}" '403 0'
done
stale 404 '{"match": ".", "status": 404}' '404 0'
stale 'token server: 503' "$(answers_token '"status": 503')" '200 1'
stale 'no connection' '' '200 1'

# --- an upstream that says when to come back
# asked REFERENCE: how often the upstream was.
asked() { grep -c "app$row/manifests/$1" "$dir/requests"; }
retry_after() { tr -d '\r' < "$dir/headers" | sed -n 's/^[Rr]etry-[Aa]fter: //p'; }
again() { same "$(ask original)" '200 right'; }
scenario '{}'
start_ready again 20 test -s "$dir/ports2" -- python3 \
    "$tests/lib/faulty_upstream.py" "$dir/layout" "$dir/scenario" \
    "$dir/requests" "$dir/ports2"
read -r main _ < "$dir/ports2"
stop winnowd
start_winnowd "http://127.0.0.1:$main" 'tag_ttl: 0s' 'negative_ttl: 0s'
for status in 429 503; do
	new_image
	scenario "{\"match\": \"manifests\", \"status\": $status,
	    \"headers\": {\"Retry-After\": \"8\"}}"
	began=$SECONDS
	ask original > /dev/null
	seconds=$(retry_after)
	check "$status: the client hears when to come back" test "$seconds" -ge 7
	scenario '{}'
	count=$(asked "$row")
	has "$status: too early, it hears the same" "$(ask original)" "$status .*Retry-After: 8|502 .*$status .Retry-After: 8"
	check "$status: and how long yet" test "$(retry_after)" -le 8
	is "$status: the upstream is not asked" "$(asked "$row")" "$count"
	check "$status: then it is" wait_for 20 again
	check "$status: not before" test $((SECONDS - began)) -ge 7
done
new_image
scenario '{"match": "manifests", "status": 429, "headers": {"Retry-After": "86400"}}'
ask original > /dev/null
check 'a day is too long: five minutes' test "$(retry_after)" -le 300
check 'but no less' test "$(retry_after)" -ge 295
check 'what is kept is what its digest says' store_is_honest
is 'and nothing is left over' "$(cd "$dir/store" && find . -type f -path '*tmp*')" ''
finish
