# Every form of a mirror of docker.io, for the tables of clients
# (matrix.sh): the clients' configurations and one row per form.
# shellcheck shell=bash disable=SC2034,SC2154

hub=docker.io/library
cri_login=() # a user and a password that the kubelet has for docker.io
ctr_login=() # the same for ctr: --user USER:PASSWORD

# mirror_through URL [LINE...]: before the clients start; the lines are those
# of hosts.toml that say what containerd trusts and who it is.
mirror_through()
{
	local url=$1 host=${1#*://} insecure=false
	[ "$url" = "https://$host" ] || insecure=true
	mirror_url=$url
	dockerd_arguments=(--registry-mirror "$url")
	hosts_d open '' "${@:2}"
	hosts_d closed "$url" "${@:2}"
	cat > "$dir/mirror.conf" <<-EOC
		[[registry]]
		prefix = "docker.io"
		location = "docker.io"
		[[registry.mirror]]
		location = "$host"
		insecure = $insecure
	EOC
	cat > "$dir/location.conf" <<-EOC
		[[registry]]
		prefix = "docker.io"
		location = "$host"
		insecure = $insecure
	EOC
}
use() { export CONTAINERS_REGISTRIES_CONF=$dir/$1.conf; }

# hosts_d NAME SERVER [LINE...]: containerd's configuration of docker.io.
hosts_d()
{
	mkdir -p "$dir/$1.d/docker.io"
	{
		[ -z "$2" ] || echo "server = \"$2\""
		echo "[host.\"$mirror_url\"]"
		printf '  %s\n' 'capabilities = ["pull", "resolve"]' "${@:3}"
	} > "$dir/$1.d/docker.io/hosts.toml"
}

# start_cri NAME [LINE...]: a containerd for a kubelet, NAME its `registry`.
start_cri()
{
	local name=$1
	mkdir -p "$dir/$name"
	cat > "$dir/$name/config.toml" <<-EOC
		version = 2
		root = "$dir/$name/root"
		state = "$dir/$name/state"
		[grpc]
		  address = "$dir/$name.sock"
		[ttrpc]
		  address = "$dir/$name.sock.ttrpc"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$dir/$name/opt"
		[plugins."io.containerd.grpc.v1.cri".registry]
	EOC
	printf '%s\n' "${@:2}" >> "$dir/$name/config.toml"
	start_ready "$name" 30 in_root ctr -a "$dir/$name.sock" version -- \
	    become_in_root containerd -c "$dir/$name/config.toml"
}

# start_mirror_clients [LINE...]: with lines for the older configuration of
# containerd for kubelets.
start_mirror_clients()
{
	start_containerd
	start_dockerd
	start_cri cri "config_path = \"$dir/cri.d\""
	start_cri cri-mirrors '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]' \
	    "endpoint = [\"$mirror_url\"]" "$@"
}

# cri_pull NAME REFERENCE: as a kubelet asks the containerd NAME.
cri_pull()
{
	local images=(in_root ctr -a "$dir/$1.sock" -n k8s.io images)
	# shellcheck disable=SC2046
	"${images[@]}" rm --sync $("${images[@]}" ls -q) > /dev/null 2>&1
	python3 "$tests/lib/cri_pull.py" "$dir/$1.sock" "$2" \
	    "${cri_login[@]}" >&2 &&
	    "${images[@]}" ls "name==$2" | awk 'NR == 2 { print $3 }'
}
get_cri()
{
	ln -sfn "$dir/$2.d" "$dir/cri.d"
	cri_pull cri "$1"
}
get_cri_mirrors() { cri_pull cri-mirrors "$1"; }

# mirrors WHAT OPEN CLOSED IMAGE: what the image of docker.io is, in the forms
# that let a client go past the proxy and in those that do not.
mirrors()
{
	local what=$1 open=$2 closed=$3 image=$hub/$4
	use mirror
	cell docker "registry-mirrors, $what" "$open" "$image"
	cell buildkit "registry-mirrors, $what" "$open" "$image"
	cell ctr "hosts.toml without server, $what" "$open" "$image" \
	    --hosts-dir "$dir/open.d" "${ctr_login[@]}"
	cell ctr "hosts.toml with server, $what" "$closed" "$image" \
	    --hosts-dir "$dir/closed.d" "${ctr_login[@]}"
	cell cri "hosts.toml without server, $what" "$open" "$image" open
	cell cri "hosts.toml with server, $what" "$closed" "$image" closed
	cell cri_mirrors "registry.mirrors, $what" "$open" "$image"
	cell podman "mirror, $what" "$open" "$image"
	cell buildah "mirror, $what" "$open" "$image"
	cell skopeo "mirror, $what" "$open" "$image"
	use location
	cell podman "location, $what" "$closed" "$image"
	cell buildah "location, $what" "$closed" "$image"
	cell skopeo "location, $what" "$closed" "$image"
}
