#!/bin/bash
# Every client in every form of naming the proxy: what it gets, also when the
# proxy refuses or is down, and what an up-to-date pull asks.  The registry
# that mirrors fall back to, registry-1.docker.io, is a stand-in: a client
# that fails open is seen to get the full image from it.
. "$(dirname "$0")/matrix.sh"
. "$tests/e2e/mirrors.sh"

make_certificate proxy ca 'DNS:proxy.local'
serve 'tls: {certificates: [{chain: proxy.pem, key: proxy.key}]}'

# asked: what clients asked since the last call.
asked_before=0
asked()
{
	local now
	log_is_settled
	now=$(wc -l < "$dir/winnowd.log")
	sed -n "$((asked_before + 1)),${now}p" "$dir/winnowd.log" |
	    grep -v 'agent=settle-' | sed -nE 's/.* request\.done .*method=([A-Z]+) path=\/v2\/([^ ]*).* status=([0-9]+).*/\1 \2 \3/p' |
	    sed -E 's/sha256:[0-9a-f]{64}/DIGEST/g' | tr '\n' ';'
	asked_before=$now
}
# in_any_order TEXT: two servers write a log, each when it comes to it.
in_any_order() { tr ';' '\n' <<< "$1" | sort; }
# again CLIENT WANTED COMMAND...: an up-to-date pull asks this and no more.
again()
{
	local client=$1 wanted=$2 got
	shift 2
	asked > /dev/null
	"$@" > /dev/null 2>&1
	asked > "$dir/asked"
	got=$(cat "$dir/asked")
	is "$client: an up-to-date pull" "$(in_any_order "$got")" \
	    "$(in_any_order "$wanted")"
	printf '%s\t%s\t%s\n' "$client" 'pulled again, asks' "$got" >> "$table"
}

mirror_through "http://$proxy"
start_mirror_clients
plain=--tls-verify=false

# By name: the proxy's, over HTTP and over TLS.
cell docker 'name:tag, HTTP' variant "$proxy/image:1"
again docker 'GET  200;HEAD image/manifests/1 200;' dock pull -q "$proxy/image:1"
cell docker 'name@digest, HTTP' variant "$proxy/image@$variant"
cell docker 'name:tag, TLS' variant "$secure/image:1"
cell docker 'name@digest, TLS' variant "$secure/image@$variant"
cell docker 'other platform' index "$proxy/multi:1" --platform linux/arm64
cell docker 'original' FULL "$proxy/original/image:1"
cell buildkit 'FROM name:tag, HTTP' variant "$proxy/image:1"
cell buildkit 'FROM name:tag, TLS' variant "$secure/image:1"
cell ctr 'name:tag, HTTP' variant "$proxy/image:1" --plain-http
again ctr 'HEAD image/manifests/1 200;' \
    c8d images pull --plain-http "$proxy/image:1"
cell ctr 'name@digest, HTTP' variant "$proxy/image@$variant" --plain-http
cell ctr 'name:tag, TLS' variant "$secure/image:1"
cell ctr 'name@digest, TLS' variant "$secure/image@$variant"
cell ctr 'all platforms' index "$proxy/multi:1" --plain-http --all-platforms
cell podman 'name:tag, HTTP' variant "$proxy/image:1" $plain
again podman 'GET  200;GET image/manifests/1 200;GET image/blobs/DIGEST 200;' \
    pod pull -q $plain "$proxy/image:1"
cell podman 'name@digest, HTTP' variant "$proxy/image@$variant" $plain
cell podman 'name:tag, TLS' variant "$secure/image:1"
cell podman 'name@digest, TLS' variant "$secure/image@$variant"
cell podman 'other platform' index "$proxy/multi:1" $plain \
    --platform linux/arm64
cell buildah 'name:tag, HTTP' variant "$proxy/image:1" $plain
cell buildah 'name:tag, TLS' variant "$secure/image:1"
cell buildah 'name@digest, TLS' variant "$secure/image@$variant"
cell skopeo 'name:tag, HTTP' variant "$proxy/image:1" --src-tls-verify=false
cell skopeo 'name@digest, HTTP' variant "$proxy/image@$variant" \
    --src-tls-verify=false
cell skopeo 'name:tag, TLS' variant "$secure/image:1"
cell skopeo 'all platforms' index "$secure/multi:1" --all
is 'skopeo lists tags' "$(in_root skopeo list-tags "docker://$secure/image" |
    jq -c .Tags)" '["1"]'
if in_root sh -c 'command -v oras' > /dev/null; then
	cell oras 'name:tag, HTTP' variant "$proxy/image:1" --from-plain-http
	cell oras 'name@digest, TLS' variant "$secure/image@$variant"
	is 'oras lists tags' "$(in_root oras repo tags "$secure/image")" 1
	check 'oras discovers no referrers of a variant' \
	    in_root oras discover "$secure/image:1"
fi

# With passwords, over TLS: who has none, or a wrong one, gets nothing.
echo "alice:$(hash_of alice-secret 05)" > "$dir/htpasswd"
reconfigure '$ahtpasswd: htpasswd'
mkdir "$dir/login"
log_in() { dock --config "$dir/login" login -u alice -p "$1" "$secure"; }
check 'docker: a wrong password' fails log_in wrong
cell docker 'no password' refused "$secure/image:1"
check 'docker: login' log_in alice-secret
dock_config=$dir/login
cell docker 'a password' variant "$secure/image:1"
cell buildkit 'a password' variant "$secure/image:1"
dock_config=
cell buildkit 'no password' refused "$secure/image:1"
cell ctr 'no password' refused "$secure/image:1"
cell ctr 'a password' variant "$secure/image:1" --user alice:alice-secret
cell ctr 'a wrong password' refused "$secure/image:1" --user alice:wrong
cell podman 'no password' refused "$secure/image:1"
cell podman 'a password' variant "$secure/image:1" --creds alice:alice-secret
cell buildah 'a password' variant "$secure/image:1" --creds alice:alice-secret
cell skopeo 'no password' refused "$secure/image:1"
cell skopeo 'a password' variant "$secure/image:1" \
    --src-creds alice:alice-secret
if in_root sh -c 'command -v oras' > /dev/null; then
	cell oras 'no password' refused "$secure/image:1"
	cell oras 'a password' variant "$secure/image:1" \
	    --from-username alice --from-password alice-secret
fi
reconfigure '/^htpasswd:/d'

# As a mirror: what is asked for is docker.io's.
mirrors served variant variant image:1
is 'until here nobody has asked docker.io' "$(hub_requests)" 0
mirrors 'denied by policy' FULL refused other:1
mirrors "the source's digest" FULL refused "image@$source"
stop source
mirrors 'upstream down' FULL refused late:1
stop winnowd
mirrors 'proxy down' FULL refused image:1

print_table
finish
