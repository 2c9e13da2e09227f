# What the tables of clients share, sourced first: namespaces where nothing
# else can be reached, a source for winnow, a stand-in for
# registry-1.docker.io, by which a client that goes past the proxy is seen to
# get the full image, every client's way to pull, and the table itself.
# CLIENT_ROOT=DIR takes the clients of the Debian in DIR.
# shellcheck shell=bash disable=SC2034
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
# Go's clients read this instead of the system's authorities.
export SSL_CERT_FILE=$dir/ca.pem

source_address=127.0.0.1:$(free_port)
start_ready source 20 answers "http://$source_address/v2/" -- \
    python3 "$tests/e2e/upstream.py" "$source_address" "$dir/zoo" "$dir/fault"
start_ready hub 20 curl -fsS --cacert "$dir/ca.pem" \
    https://registry-1.docker.io/v2/ -- \
    python3 "$tests/e2e/upstream.py" "$outside:443" "$dir/zoo" "$dir/fault" \
    "$dir/hub.pem" "$dir/hub.key"

# serve LINE: winnowd, with what the line says of TLS, at $proxy and, over
# TLS, at $secure; then what is right is known.
serve()
{
	tls_port=$(free_port)
	secure=proxy.local:$tls_port
	winnowd_config "http://$source_address" 'default: deny' \
	    'platforms: [linux/amd64, linux/arm64/v8]' "$1"
	sed -i -e '/^default: pass$/d' \
	    -e "s|^listen:.*|listen: [\"$proxy\", \"tls://$outside:$tls_port\"]|" \
	    "$dir/winnow.conf"
	start_winnowd
	learn_digests
}

digest_of()
{
	curl -sS -o /dev/null -D - -H "Accept: $accept" \
	    "http://$proxy/v2/$1/manifests/1" |
	    tr -d '\r' | sed -n 's/^docker-content-digest: //Ip'
}
learn_digests()
{
	variant=$(digest_of image)
	source=$(digest_of original/image)
	index=$(digest_of multi)
	arm=$(manifest multi 1 | jq -r '.manifests[1].digest')
	other=$(digest_of original/other)
	late=$(jq -r '.manifests[0].digest' "$dir/zoo/library/late/index.json")
	[ -n "$variant" ] && [ -n "$arm" ] || bail 'nothing is served'
	diff_id=$(curl -sS "http://$proxy/v2/image/blobs/$(manifest image 1 |
	    jq -r .config.digest)" | jq -r '.rootfs.diff_ids[0]')
}

# reconfigure SED-SCRIPT: changes the configuration that is in force.
reloads() { grep -c 'core .*reload\.done' "$dir/winnowd.log"; }
more_reloads() { [ "$(reloads)" -gt "$1" ]; }
reconfigure()
{
	local before
	before=$(reloads)
	sed -i "$1" "$dir/winnow.conf"
	kill -HUP "${pids[winnowd]}"
	wait_for 20 more_reloads "$before" || bail 'the configuration is not read'
}

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

print_table()
{
	echo '# What the clients got; FULL: the full image, past the proxy (fails open)'
	awk -F '\t' '{ printf "# %-9s %-46s %s\n", $1, $2, $3 }' "$table"
}
hub_requests() { grep -c '/v2/library/' "$dir/hub.log"; }

need_client docker dockerd ctr podman buildah skopeo
