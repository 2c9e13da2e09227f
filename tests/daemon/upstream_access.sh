#!/bin/sh
# How an upstream is reached: passwords from docker's file and from credential
# helpers, fallback addresses, proxies.
set -eu
. "$top_srcdir/tests/daemon/lib.sh"

make_layout 3000
start_faulty_upstream
basic='"auth": {"scheme": "basic", "user": "u", "password": "secret"}'
bearer='"auth": {"scheme": "bearer", "user": "u", "password": "secret"}'
auth=$(printf 'u:secret' | base64)

# docker_config JSON
docker_config() { printf '%s\n' "$1" >"$work/config.json"; }

scenario "{$basic}"
docker_config "{\"auths\": {\"other.example\": {\"auth\": \"eDp5\"},
    \"test.example\": {\"auth\": \"$auth\"}}}"
run -d "$work/config.json" "$url" manifest app 1
check "docker's file" "ok $manifest *"
docker_config "{\"auths\": {\"https://test.example/v1/\": {\"auth\": \"$auth\"}}}"
run -d "$work/config.json" "$url" manifest app 1
check "a key with scheme and path" "ok $manifest *"
docker_config "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"$auth\"}}}"
run -d "$work/config.json" -h docker.io "$url" manifest app 1
check "Docker Hub as docker writes it" "ok $manifest *"
docker_config "{\"auths\": {\"docker.io\": {\"auth\": \"$auth\"}}}"
run -d "$work/config.json" -h docker.io "$url" manifest app 1
check "Docker Hub as podman writes it" "ok $manifest *"
scenario "{$basic}"
docker_config "{\"auths\": {\"not.test.example\": {\"auth\": \"$auth\"}}}"
run -d "$work/config.json" "$url" manifest app 1
check "the password of another host" "error unauthorized *none is configured"
logged "is not sent" 0 'auth=basic'
docker_config '{"auths": {"test.example": {"auth": "dXNlcg=="}}}'
run -d "$work/config.json" "$url" manifest app 1
check "auth without a password" \
    "error unauthorized *config.json: *not USER:PASSWORD in base64"
docker_config '{"auths": {"test.example": {"auth": "", "identitytoken": "x"}}}'
run -d "$work/config.json" "$url" manifest app 1
check "an identity token" "error unauthorized *config.json: *identity token*"
docker_config '{"auths": [1]}'
run -d "$work/config.json" "$url" manifest app 1
check "a file that is none" "error unauthorized *config.json: *auths*"
run -d "$work/nothing.json" "$url" manifest app 1
check "no file" "error unauthorized *nothing.json*"

# helper SCRIPT: a credential helper that runs it; it is in PATH as "test".
mkdir "$work/bin"
PATH=$work/bin:$PATH
helper() {
	{
		echo '#!/bin/sh'
		echo "echo \"\$1 \$(cat)\" >>'$work/helper.log'"
		echo "$1"
	} >"$work/bin/docker-credential-test"
	chmod +x "$work/bin/docker-credential-test"
	: >"$work/helper.log"
}
asked() { wc -l <"$work/helper.log" >"$work/out"; }
answer='echo "{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"secret\"}"'

helper "$answer"
run -e test "$url" manifest app 1 head app 1 and manifest app 1 and head b 1
check "credential helper" "ok $manifest *ok *ok *ok $manifest *"
asked
check "it is run once" 1
cp "$work/helper.log" "$work/out"
check "and asked for the host" "get test.example"
run -e "$work/bin/docker-credential-test" "$url" manifest app 1
check "credential helper by path" "ok $manifest *"
run -e test -h docker.io "$url" manifest app 1
tail -n 1 "$work/helper.log" >"$work/out"
check "Docker Hub by the name helpers know" "get https://index.docker.io/v1/"
docker_config '{"credHelpers": {"test.example": "test"}, "credsStore": "none"}'
run -d "$work/config.json" "$url" manifest app 1
check "credHelpers" "ok $manifest *"
docker_config '{"credsStore": "test", "auths": {"test.example": {}}}'
run -d "$work/config.json" "$url" manifest app 1
check "credsStore" "ok $manifest *"
helper 'echo "credentials not found in native keychain"; exit 1'
run -e test "$url" manifest app 1
check "a helper that knows nothing" "error unauthorized *none is configured"
helper 'echo "the cloud is away"; exit 3'
run -e test "$url" manifest app 1
check "a helper that fails" \
    "error unauthorized *docker-credential-test: exited with status 3: the cloud*"
# shellcheck disable=SC2016 # for the helper to expand
helper 'kill -9 $$'
run -e test "$url" manifest app 1
check "a helper that is killed" "error unauthorized *killed by signal 9"
helper 'echo "{\"Username\":\"u\"}"'
run -e test "$url" manifest app 1
check "an answer without a secret" "error unauthorized *Secret*"
helper 'head -c 200000 /dev/zero'
run -e test "$url" manifest app 1
check "an endless answer" "error unauthorized *more than 65536 bytes"
helper 'echo "{\"Username\":\"<token>\",\"Secret\":\"x\"}"'
run -e test "$url" manifest app 1
check "an identity token of a helper" "error unauthorized *identity token*"
run -e nowhere "$url" manifest app 1
check "no such helper" "error unauthorized *docker-credential-nowhere*"

# What a helper said expires: it is asked again when it is refused.
# shellcheck disable=SC2016
second='if [ "$(wc -l <"'$work'/helper.log")" = 1 ]; then
    echo "{\"Username\":\"u\",\"Secret\":\"old\"}"; else '"$answer; fi"
helper "$second"
run -e test "$url" manifest app 1 manifest app 1
check "a password that has expired" "error unauthorized *ok $manifest *"
asked
check "the helper is asked again" 2
scenario "{$bearer}"
helper "$second"
run -e test "$url" manifest app 1
check "a token for an expired password" "ok $manifest *"
helper 'echo "{\"Username\":\"u\",\"Secret\":\"old\"}"'
run -e test "$url" manifest app 1
check "a helper with a wrong password" "error unauthorized *token server answered 401*"
asked
check "is asked twice, not for ever" 2

# Fallbacks: by another address of the same server, and by another host.
other_url=http://127.0.0.1:$other
rule '{"match": "main ", "status": 503}'
run -f "$other_url" "$url" manifest app 1 head app 1 \
    blob app "$layer" "$layer_size"
check "a fallback helps" "ok $manifest *ok $manifest *ok $layer *"
logged "an address out of order is not asked again soon" 1 '^main '
rule '{"match": "main ", "status": 429}'
run -f "$other_url" "$url" manifest app 1
check "against a rate limit, too" "ok $manifest *"
scenario "{}"
run -f "$other_url" http://127.0.0.1:1 manifest app 1
check "and when nobody listens" "ok $manifest *"
rule '{"match": "main ", "status": 503}, {"match": "other ", "status": 404}'
run -f "$other_url" "$url" manifest app 1 manifest app 1
check "a fallback that lacks the image says nothing" \
    "error upstream *app:1: registry answered 503
error upstream *app:1: registry answered 503"
rule '{"match": "main ", "status": 404}'
run -f "$other_url" "$url" manifest app 1
check "an image that is missing is missing" "error not-found *"
logged "no fallback is asked for it" 0 '^other '
rule '{"match": "main HEAD", "status": 405}'
run -f "$other_url" "$url" head app 1
check "HEAD refused" "ok $manifest *"
logged "is no outage" 0 '^other '
rule '{"match": "main .*blobs", "drop": 1000, "times": 1}'
run -f "$other_url" "$url" blob app "$layer" "$layer_size"
check "a drop resumes" "ok $layer *"
logged "where it began" 2 '^main .*blobs'
closed="{\"auth\": {\"scheme\": \"basic\", \"user\": \"u\",
    \"password\": \"secret\", \"ports\": [\"other\"]},
    \"rules\": [{\"match\": \"main \", \"status\": 503}]}"
scenario "$closed"
echo secret >"$work/password"
run -u u -p "$work/password" -f "$other_url" "$url" manifest app 1
check "a fallback on the same host gets the password" "ok $manifest *"
scenario "$closed"
run -u u -p "$work/password" -f "http://localhost:$other" "$url" manifest app 1
check "one on another host is asked" "error upstream *503*"
logged "which is seen" 1 '^other '
logged "without the password" 0 'auth=basic'

# Proxies: the request is sent there in absolute form.
scenario "{}"
run -x "$url" http://registry.invalid manifest app 1
check "the proxy answers" "error not-found *"
logged "for a host that nobody knows" 1 'GET http://registry.invalid/v2/app/'
http_proxy=$url run http://registry.invalid manifest app 1
logged "the environment's proxy" 2 'GET http://registry.invalid/v2/app/'
http_proxy=http://127.0.0.1:1 run -x none "$url" manifest app 1
check "no proxy at all" "ok $manifest *"

[ $failures -eq 0 ]
