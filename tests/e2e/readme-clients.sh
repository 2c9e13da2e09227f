#!/bin/bash
# The README's section "Clients", as it stands: its files are written where it
# says, its commands are run one after the other, in namespaces where the
# proxy has the addresses that it names.  A line that this test does not know
# fails it.
[ -n "${README_NAMESPACES:-}" ] || [ "$(id -u)" != 0 ] ||
    exec env README_NAMESPACES=1 \
	unshare --net --mount --propagation private bash "$0" "$@"
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

# Debian's clients, not what a machine has beside them.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
need_root
need ip python3 curl jq docker dockerd ctr podman buildah skopeo
ip link set lo up || bail 'cannot set up a network'
# What is written to /etc and /var/lib stays in this test.
for top in /etc /var/lib; do
	mkdir -p "$dir/over$top" "$dir/work$top"
	LIBMOUNT_FORCE_MOUNT2=always mount -t overlay overlay -o \
	    "lowerdir=$top,upperdir=$dir/over$top,workdir=$dir/work$top" $top ||
	    bail "cannot cover $top"
done
echo '127.0.0.1 localhost proxy.local' > /etc/hosts
rm -rf /var/lib/winnow
mkdir /var/lib/winnow
export DOCKER_HOST=unix://$dir/docker.sock DOCKER_CONFIG=$dir/docker.config
mkdir "$DOCKER_CONFIG"
echo '{}' > "$DOCKER_CONFIG/config.json"
export CONTAINERD_ADDRESS=$dir/containerd.sock
export CONTAINERS_STORAGE_CONF=$dir/storage.conf
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' \
    "$dir/podman/root" "$dir/podman/run" > "$dir/storage.conf"

# A postgres:15 that is quick to pull.
python3 "$tests/lib/zoo_layout.py" "$dir/zoo" || bail 'no test images'
mkdir -p "$dir/images/library" "$dir/policies.d"
cp -r "$dir/zoo/library/image" "$dir/images/library/postgres"
sed -i 's/"1"/"15"/' "$dir/images/library/postgres/index.json"
printf 'repository: docker.io/library/postgres\nkeep: [/data]\n' \
    > "$dir/policies.d/postgres.yaml"
policies=$dir/policies.d port=5000
winnowd_config "oci:$dir/images"

# section: the indented lines below "## Clients".
section()
{
	sed -n '/^## Clients$/,/^## A policy$/s/^    //p' "$top_srcdir/README.md"
}
# The lines of files, by what they look like.
section | grep -E '^(listen|tls):' > "$dir/listen"
section | grep -E '^(server =|\[host\.|  capabilities =)' > "$dir/hosts.toml"
section | grep -E '^(\[\[registry\]\]|prefix =|location =|insecure =)' \
    > "$dir/registries.conf"
is 'the lines for winnow.conf' "$(wc -l < "$dir/listen")" 2
is 'the lines for hosts.toml' "$(wc -l < "$dir/hosts.toml")" 3
is 'the lines for registries.conf' "$(wc -l < "$dir/registries.conf")" 4
sed -i -e '/^listen:/d' -e 's|^store:.*|store: /var/lib/winnow|' \
    "$dir/winnow.conf"
cat "$dir/listen" >> "$dir/winnow.conf"
# put FILE PATH: where the README says that its lines go.
put()
{
	check "the README names $2" grep -qF "\`$2\`" "$top_srcdir/README.md"
	mkdir -p "${2%/*}"
	cp "$dir/$1" "$2"
}
put hosts.toml /etc/containerd/certs.d/docker.io/hosts.toml
put registries.conf /etc/containers/registries.conf.d/winnow.conf

start_winnowd
start_containerd
start_dockerd
source=$(jq -r '.manifests[0].digest' "$dir/images/library/postgres/index.json")
variant=$(curl -sSI "http://$proxy/v2/postgres/manifests/15" | tr -d '\r' |
    sed -n 's/^Docker-Content-Digest: //p')

# digests COMMAND IMAGE: what the client that ran it has.
digests()
{
	case $1 in
	docker\ pull*) docker image inspect -f '{{.RepoDigests}}' "$2" ;;
	ctr\ *) ctr images ls "name==$2" ;;
	*\ pull*) podman image inspect -f '{{.RepoDigests}}' "$2" ;;
	esac
}
# run_line COMMAND: as the README has it, and what came of it.
run_line()
{
	local image=${1##* } want=$variant
	check "$1" eval "$1"
	[[ $image != */original/* ]] || want=$source
	case $1 in
	*\ pull*) has '... the right image' "$(digests "$1" "$image")" "$want" ;;
	esac
}
commands=0
while read -r line; do
	case $line in
	'') ;;
	docker\ *|ctr\ *|podman\ *|buildah\ *|skopeo\ *|install\ *)
		commands=$((commands + 1))
		run_line "$line"
		;;
	curl\ *)
		has "$line" "$(eval "${line/sha256:DIGEST/$source} -sS")" \
		    "\"variant\":\"$variant\""
		;;
	*)
		# Not from a pipe: grep -q leaves, and the writer fails.
		grep -qF -e "$line" "$dir/listen" "$dir/hosts.toml" \
		    "$dir/registries.conf" ||
		    check "a line for no file: $line" false
		;;
	esac
done < <(section)
check 'there were commands' [ "$commands" -ge 12 ]
finish
