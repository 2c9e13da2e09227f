#!/bin/bash
# Every client in every form of naming the proxy: what it gets, also when the
# proxy refuses or is down, and what an up-to-date pull asks.  The registry
# that mirrors fall back to, registry-1.docker.io, is a stand-in: a client
# that fails open is seen to get the full image from it.
#
# All of it runs in namespaces of its own, where nothing else can be reached.
# CLIENT_ROOT=DIR takes the clients of the Debian in DIR.
[ -n "${MATRIX_NAMESPACES:-}" ] || [ "$(id -u)" != 0 ] ||
    exec env MATRIX_NAMESPACES=1 \
	unshare --net --mount --propagation private bash "$0" "$@"
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"
. "$tests/e2e/certificates.sh"

# Debian's clients, not what a machine has beside them.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
need_root
need ip python3 curl jq perl
enter_clients
# An address that docker does not take for local, and so for insecure.
outside=192.0.2.1
{ ip link set lo up && ip address add $outside/32 dev lo; } ||
    bail 'cannot set up a network'
printf '%s\n' '127.0.0.1 localhost' \
    "$outside proxy.local registry-1.docker.io docker.io auth.docker.io" \
    > "$dir/hosts"
for root in '' ${CLIENT_ROOT:+"$CLIENT_ROOT"}; do
	mount --bind "$dir/hosts" "$root/etc/hosts" ||
	    bail 'cannot name the hosts'
done

# --- servers ---
python3 "$tests/lib/zoo_layout.py" "$dir/zoo" || bail 'no test images'
policies=$dir/policies.d
mkdir -p "$policies"
for name in image multi late; do
	printf 'repository: docker.io/library/%s\nkeep: [/data]\n' "$name" \
	    > "$policies/$name.yaml"
done
make_authority ca
make_certificate hub ca 'DNS:registry-1.docker.io'
make_certificate proxy ca 'DNS:proxy.local'
# Go's clients read this instead of the system's authorities.
export SSL_CERT_FILE=$dir/ca.pem

source_address=127.0.0.1:$(free_port)
start_ready source 20 answers "http://$source_address/v2/" -- \
    python3 "$tests/e2e/upstream.py" "$source_address" "$dir/zoo" "$dir/fault"
start_ready hub 20 curl -fsS --cacert "$dir/ca.pem" \
    https://registry-1.docker.io/v2/ -- \
    python3 "$tests/e2e/upstream.py" "$outside:443" "$dir/zoo" "$dir/fault" \
    "$dir/hub.pem" "$dir/hub.key"
tls_port=$(free_port)
secure=proxy.local:$tls_port
winnowd_config "http://$source_address" 'default: deny' \
    'platforms: [linux/amd64, linux/arm64/v8]' \
    'tls: {certificates: [{chain: proxy.pem, key: proxy.key}]}'
sed -i -e '/^default: pass$/d' \
    -e "s|^listen:.*|listen: [\"$proxy\", \"tls://$outside:$tls_port\"]|" \
    "$dir/winnow.conf"
start_winnowd

# --- what is right ---
digest_of()
{
	curl -sS -o /dev/null -D - -H "Accept: $accept" \
	    "http://$proxy/v2/$1/manifests/1" |
	    tr -d '\r' | sed -n 's/^docker-content-digest: //Ip'
}
variant=$(digest_of image)
source=$(digest_of original/image)
index=$(digest_of multi)
arm=$(manifest multi 1 | jq -r '.manifests[1].digest')
other=$(digest_of original/other)
late=$(jq -r '.manifests[0].digest' "$dir/zoo/library/late/index.json")
[ -n "$variant" ] && [ -n "$arm" ] || bail 'nothing is served'

# name_digest DIGESTS: what a client says that it has.
name_digest()
{
	case $1 in
	*"$variant"*) echo variant ;;
	*"$index"*) echo index ;;
	*"$arm"*) echo arm64 ;;
	*"$source"*|*"$other"*|*"$late"*) echo FULL ;;
	*) echo "other: $1" ;;
	esac
}

# --- clients: get_CLIENT REFERENCE [ARGUMENT...] pulls into an empty place
# and prints the digests of what it has then ---
get_docker()
{
	dock image prune -af > /dev/null 2>&1
	dock pull -q "${@:2}" "$1" > /dev/null &&
	    dock image inspect -f '{{.RepoDigests}}' "$1"
}

get_ctr()
{
	c8d images rm --sync "$1" > /dev/null 2>&1
	c8d images pull "${@:2}" "$1" > /dev/null &&
	    c8d images ls "name==$1" | awk 'NR == 2 { print $3 }'
}

get_podman()
{
	pod image rm -af > /dev/null 2>&1
	pod pull -q "${@:2}" "$1" > /dev/null &&
	    pod image inspect -f '{{.RepoDigests}}' "$1"
}

get_buildah()
{
	build_ah rmi -af > /dev/null 2>&1
	build_ah pull -q "${@:2}" "$1" > /dev/null &&
	    build_ah images --digests --noheading --format '{{.Digest}}'
}

get_skopeo()
{
	rm -rf "$dir/skopeo"
	in_root skopeo ${CONTAINERS_REGISTRIES_CONF:+--registries-conf \
	    "$CONTAINERS_REGISTRIES_CONF"} copy -q "${@:2}" "docker://$1" "dir:$dir/skopeo" &&
	    echo "sha256:$(sha256sum < "$dir/skopeo/manifest.json" | cut -c1-64)"
}

get_oras()
{
	rm -rf "$dir/oras"
	in_root oras copy --to-oci-layout "${@:2}" "$1" "$dir/oras:1" \
	    > /dev/null &&
	    jq -r '.manifests[0].digest' "$dir/oras/index.json"
}

# BuildKit, in dockerd: the base image's layer is what the result begins with.
get_buildkit()
{
	mkdir -p "$dir/context"
	echo text > "$dir/context/file"
	printf 'FROM %s\nCOPY file /file\n' "$1" > "$dir/context/Dockerfile"
	dock image prune -af > /dev/null 2>&1
	dock builder prune -af > /dev/null 2>&1
	DOCKER_BUILDKIT=1 dock build -q -t built "${@:2}" "$dir/context" \
	    > /dev/null || return
	case $(dock image inspect -f '{{index .RootFS.Layers 0}}' built) in
	"$diff_id") echo "$variant" ;;
	*) echo "$source" ;;
	esac
}
diff_id=$(curl -sS "http://$proxy/v2/image/blobs/$(manifest image 1 |
    jq -r .config.digest)" | jq -r '.rootfs.diff_ids[0]')

# --- the table ---
table=$dir/table
# cell CLIENT FORM WANTED REFERENCE [ARGUMENT...]
cell()
{
	local client=$1 form=$2 wanted=$3 got
	shift 3
	if ! got=$("get_$client" "$@" 2> "$dir/$client.error"); then
		got=refused
	else
		got=$(name_digest "$got")
	fi
	[ "$got" = "$wanted" ] || sed 's/^/# /' "$dir/$client.error"
	is "$client: $form" "$got" "$wanted"
	printf '%s\t%s\t%s\n' "$client" "$form" "$got" >> "$table"
}

# asked: what clients asked since the last call, in order.
asked_before=0
asked()
{
	local now
	now=$(wc -l < "$dir/winnowd.log")
	sed -n "$((asked_before + 1)),${now}p" "$dir/winnowd.log" |
	    sed -nE 's/.* request\.done .*method=([A-Z]+) path=\/v2\/([^ ]*).* status=([0-9]+).*/\1 \2 \3/p' |
	    sed -E 's/sha256:[0-9a-f]{64}/DIGEST/g' | tr '\n' ';'
	asked_before=$now
}
# again CLIENT WANTED COMMAND...: an up-to-date pull asks this and no more.
again()
{
	local client=$1 wanted=$2 got
	shift 2
	asked > /dev/null
	"$@" > /dev/null 2>&1
	got=$(asked)
	is "$client: an up-to-date pull" "$got" "$wanted"
	printf '%s\t%s\t%s\n' "$client" 'pulled again, asks' "$got" >> "$table"
}

# hosts_d NAME SERVER: containerd's configuration for docker.io.
hosts_d()
{
	mkdir -p "$dir/$1.d/docker.io"
	{
		[ -z "$2" ] || echo "server = \"$2\""
		printf '[host."http://%s"]\n  capabilities = ["pull", "resolve"]\n' \
		    "$proxy"
	} > "$dir/$1.d/docker.io/hosts.toml"
}
hosts_d closed "http://$proxy"
hosts_d open ''
# registries.conf: a mirror of docker.io, or another place for it.
cat > "$dir/mirror.conf" <<-EOC
	[[registry]]
	prefix = "docker.io"
	location = "docker.io"
	[[registry.mirror]]
	location = "$proxy"
	insecure = true
EOC
cat > "$dir/location.conf" <<-EOC
	[[registry]]
	prefix = "docker.io"
	location = "$proxy"
	insecure = true
EOC
use() { export CONTAINERS_REGISTRIES_CONF=$dir/$1.conf; }

need_client docker dockerd ctr podman buildah skopeo
dock_config= # a directory with docker's logins
dock()
{
	in_root docker ${dock_config:+--config "$dock_config"} \
	    -H "$docker_socket" "$@"
}
start_containerd
dockerd_arguments=(--registry-mirror "http://$proxy")
start_dockerd
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
reloads() { grep -c 'core .*reload\.done' "$dir/winnowd.log"; }
# passwords LINE: changes the configuration that is in force.
passwords()
{
	local before
	before=$(reloads)
	sed -i '/^htpasswd:/d' "$dir/winnow.conf"
	echo "$1" >> "$dir/winnow.conf"
	kill -HUP "${pids[winnowd]}"
	more_reloads() { [ "$(reloads)" -gt "$before" ]; }
	wait_for 20 more_reloads || bail 'the configuration is not read'
}
echo "alice:$(hash_of alice-secret 05)" > "$dir/htpasswd"
passwords 'htpasswd: htpasswd'
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
passwords '# nobody has to log in'

# As a mirror: what is asked for is docker.io's.
hub=docker.io/library
mirrors()
{
	local what=$1 open=$2 closed=$3 image=$4
	use mirror
	cell docker "registry-mirrors, $what" "$open" "$hub/$image"
	cell buildkit "registry-mirrors, $what" "$open" "$hub/$image"
	cell ctr "hosts.toml without server, $what" "$open" "$hub/$image" \
	    --hosts-dir "$dir/open.d"
	cell ctr "hosts.toml with server, $what" "$closed" "$hub/$image" \
	    --hosts-dir "$dir/closed.d"
	cell podman "mirror, $what" "$open" "$hub/$image"
	cell skopeo "mirror, $what" "$open" "$hub/$image"
	use location
	cell podman "location, $what" "$closed" "$hub/$image"
	cell buildah "location, $what" "$closed" "$hub/$image"
	cell skopeo "location, $what" "$closed" "$hub/$image"
}
hub_requests() { grep -c '/v2/library/' "$dir/hub.log"; }
mirrors served variant variant image:1
is 'until here nobody has asked docker.io' "$(hub_requests)" 0
mirrors 'denied by policy' FULL refused other:1
mirrors "the source's digest" FULL refused "image@$source"
stop source
mirrors 'upstream down' FULL refused late:1
stop winnowd
mirrors 'proxy down' FULL refused image:1

echo '# What the clients got; FULL: the full image, past the proxy (fails open)'
awk -F '\t' '{ printf "# %-9s %-46s %s\n", $1, $2, $3 }' "$table"
finish
