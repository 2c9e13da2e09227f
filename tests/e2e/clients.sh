# The real clients, each with storage of its own below $dir.  With CLIENT_ROOT
# they are those of another Debian in that directory (tests/clients/root).
# shellcheck shell=bash disable=SC2154

in_root() { ${CLIENT_ROOT:+chroot "$CLIENT_ROOT"} "$@"; }

# become_in_root: the same in place of a background shell, so that the process
# which is stopped is the program.
become_in_root() { exec ${CLIENT_ROOT:+chroot "$CLIENT_ROOT"} "$@"; }

# enter_clients: mounts what programs below CLIENT_ROOT need, $dir among it.
# The caller has a mount namespace of its own.
enter_clients()
{
	local point
	[ -n "${CLIENT_ROOT:-}" ] || return 0
	# Clients that unpack in a chroot of their own remount what is /.
	mount --bind "$CLIENT_ROOT" "$CLIENT_ROOT" ||
	    bail "no clients in $CLIENT_ROOT"
	for point in /proc /sys /dev "$dir"; do
		mkdir -p "$CLIENT_ROOT$point"
		mount --rbind "$point" "$CLIENT_ROOT$point" ||
		    bail "cannot mount $point for the clients"
	done
}

# need_client PROGRAM...
need_client()
{
	local program
	for program; do
		in_root sh -c 'command -v "$1"' - "$program" > /dev/null ||
		    skip_all "no $program"
	done
}

# --- docker ---
start_dockerd()
{
	need_root
	need_client dockerd docker containerd
	try_dockerd || bail "dockerd does not start"
}

# dockerd_arguments: more of them, for a test that needs some.
dockerd_arguments=()
try_dockerd()
{
	docker_socket=unix://$dir/docker.sock
	mkdir -p "$dir/docker"
	try_ready dockerd 60 docker -H "$docker_socket" info -- \
	    become_in_root dockerd --iptables=false --ip6tables=false --bridge=none \
	    --data-root "$dir/docker/data" --exec-root "$dir/docker/exec" \
	    --pidfile "$dir/docker/pid" -H "$docker_socket" \
	    --storage-driver overlay2 --log-level warn \
	    "${dockerd_arguments[@]}"
}

# With the logins of a directory where $dock_config names one.
dock_config=
dock()
{
	in_root docker ${dock_config:+--config "$dock_config"} \
	    -H "$docker_socket" "$@"
}

# docker_root IMAGE POINT: the tree docker unpacked, mounted read-only.
docker_root()
{
	local upper lower
	upper=$(dock image inspect -f '{{.GraphDriver.Data.UpperDir}}' "$1")
	lower=$(dock image inspect -f '{{.GraphDriver.Data.LowerDir}}' "$1" |
	    sed 's/<no value>//')
	overlay_root "$upper${lower:+:$lower}" "$2"
}

# overlay_root DIRS POINT: one directory cannot be an overlay of itself.
# fsconfig(2), which mount(8) of Debian 13 prefers, takes no long options.
overlay_root()
{
	mkdir -p "$2" "$dir/empty"
	LIBMOUNT_FORCE_MOUNT2=always \
	    mount -t overlay overlay -o "ro,lowerdir=$1:$dir/empty" "$2"
}

# --- podman ---
pod()
{
	in_root podman --root "$dir/podman/root" --runroot "$dir/podman/run" \
	    --tmpdir "$dir/podman/tmp" --storage-driver overlay \
	    --cgroup-manager cgroupfs "$@"
}

podman_root()
{
	local point
	point=$(pod image mount "$1") || return
	mkdir -p "$2"
	mount --rbind "$point" "$2"
}

build_ah()
{
	in_root buildah --root "$dir/podman/root" --runroot "$dir/podman/run" \
	    --storage-driver overlay "$@"
}

# --- skopeo and umoci ---
# skopeo_root REFERENCE DIR: pulled and unpacked.
skopeo_root()
{
	skopeo copy -q --src-tls-verify=false "docker://$1" \
	    "oci:$2.layout:image" &&
	    umoci unpack --image "$2.layout:image" "$2.bundle" > /dev/null &&
	    mv "$2.bundle/rootfs" "$2"
}

# --- containerd ---
start_containerd()
{
	need_root
	need_client containerd ctr
	mkdir -p "$dir/containerd"
	cat > "$dir/containerd.toml" <<-EOF
	version = 2
	root = "$dir/containerd/root"
	state = "$dir/containerd/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri"]
	[grpc]
	  address = "$dir/containerd.sock"
	[ttrpc]
	  address = "$dir/containerd.sock.ttrpc"
	EOF
	start_ready containerd 30 c8d version -- \
	    become_in_root containerd -c "$dir/containerd.toml"
}

c8d() { in_root ctr -a "$dir/containerd.sock" "$@"; }

# hosts_toml: docker.io through winnow and nowhere else: `server` is what
# containerd falls back to.
hosts_toml()
{
	mkdir -p "$dir/certs.d/docker.io"
	cat > "$dir/certs.d/docker.io/hosts.toml" <<-EOF
	server = "http://$proxy"
	[host."http://$proxy"]
	  capabilities = ["pull", "resolve"]
	EOF
}

c8d_root()
{
	mkdir -p "$2"
	c8d images mount "$1" "$2" > /dev/null
}
