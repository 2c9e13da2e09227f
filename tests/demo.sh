#!/bin/bash
# demo.sh [--keep]: a PostgreSQL image pulled distroless through winnowd with
# a real client, before and after side by side.  `./bootstrap demo` runs it.
. "$(dirname "$0")/e2e/lib.sh"
. "$tests/e2e/clients.sh"

say() { echo "==> $*"; }
die() { echo "demo: $*" >&2; failures=1; exit 1; }

have() { local p; for p; do command -v "$p" > /dev/null || return; done; }

# choose_client: docker where its daemon can run, else podman, else skopeo.
choose_client()
{
	if have dockerd docker && try_dockerd; then
		client=docker
	elif have podman; then
		client=podman
	elif have skopeo umoci; then
		client=skopeo
	else
		die "no client: install docker.io, podman or skopeo"
	fi
}

# pull REFERENCE DIR: pulled by the client, its tree to be seen in DIR.
pull()
{
	case $client in
	docker) dock pull -q "$1" ;;
	podman) pod pull -q --tls-verify=false "$1" ;;
	skopeo) skopeo_root "$1" "$2" ;;
	esac > "$dir/pull.log" 2>&1 ||
	    { cat "$dir/pull.log"; die "$client cannot pull $1"; }
}

show_root()
{
	case $client in
	docker) docker_root "$1" "$2" ;;
	podman) podman_root "$1" "$2" ;;
	esac
}

# timed_pull NAME REFERENCE
timed_pull()
{
	local start
	start=$(date +%s%N)
	pull "$2" "$dir/$1"
	echo "$((($(date +%s%N) - start) / 1000000))" > "$dir/$1.ms"
	show_root "$2" "$dir/$1"
}

shells()
{
	find "$1" -type f -perm /111 \( -name sh -o -name bash -o -name dash \
	    -o -name rbash -o -name busybox \) | sed "s|^$1||" | sort |
	    paste -sd' '
}

packages()
{
	grep -c '^Package:' "$1/var/lib/dpkg/status" 2> /dev/null || echo 0
}

layers_size()
{
	platform_manifest "$1" 15 | jq '[.layers[].size] | add / 1e6 | floor'
}

# row LABEL BEFORE AFTER
row() { printf '    %-24s %22s %22s\n' "$@"; }

# facts FUNCTION: of the original and of the variant.
facts() { "$1" "$dir/original"; "$1" "$dir/variant"; }

print_table()
{
	local size files setuid
	size() { du -s -B 1000000 "$1" | cut -f1; }
	files() { find "$1" ! -type d | wc -l; }
	setuid() { find "$1" -type f -perm /6000 | wc -l; }
	seconds() { awk '{ printf "%.1f\n", $1 / 1000 }' "$1.ms"; }
	present() { shells "$1" | grep . || echo none; }
	echo
	row '' original variant
	row 'download, MB' "$(layers_size original/postgres)" \
	    "$(layers_size postgres)"
	mapfile -t size < <(facts size); row 'unpacked, MB' "${size[@]}"
	mapfile -t size < <(facts files); row files "${size[@]}"
	mapfile -t size < <(facts packages); row packages "${size[@]}"
	mapfile -t size < <(facts setuid); row 'setuid programs' "${size[@]}"
	mapfile -t size < <(facts seconds)
	row 'cold pull, seconds' "${size[@]}"
	echo "    shells in the original:  $(present "$dir/original")"
	echo "    shells in the variant:   $(present "$dir/variant")"
	echo
}

# run_server: the original makes a volume, the variant answers from it.
run_server()
{
	local sql_port
	sql_port=$(free_port)
	mkdir "$dir/volume"
	say 'The original initialises a volume (docker-ensure-initdb.sh)'
	dock run --rm --network host -e POSTGRES_PASSWORD=secret \
	    -v "$dir/volume:/var/lib/postgresql/data" \
	    "$proxy/original/postgres:15" docker-ensure-initdb.sh \
	    > "$dir/initdb.log" 2>&1 || die "initialising failed"
	say 'The variant, without a shell, serves it'
	dock run -d --name winnow-demo --network host \
	    -v "$dir/volume:/var/lib/postgresql/data" "$proxy/postgres:15" \
	    -c port="$sql_port" -c listen_addresses=127.0.0.1 \
	    > "$dir/run.log" 2>&1 || die "the variant does not start"
	ask() { dock run --rm --network host -e PGPASSWORD=secret \
	    "$proxy/original/postgres:15" psql -h 127.0.0.1 -p "$sql_port" \
	    -U postgres -X -t -A -c 'select version()'; }
	wait_for 60 ask || die "the variant does not answer"
	echo "    $(ask)"
	[ -n "$keep" ] || dock rm -f winnow-demo > /dev/null
}

print_next()
{
	local client_command=$client
	[ "$client" != docker ] || client_command="docker -H $docker_socket"
	if [ -z "$keep" ]; then
		echo 'Now everything stops and goes (half a minute).'
		echo 'To leave it running and try it: ./bootstrap demo --keep'
		echo "What the original holds:"
		echo "    $winnow audit oci:$layouts/library/postgres:15"
		return
	fi
	cat <<-EOF
	Try next, as root (winnowd and its client are still running):
	    $client_command pull $proxy/postgres:15
	    curl -s http://$proxy/v2/postgres/manifests/15
	    $winnow audit oci:$layouts/library/postgres:15
	    less $top_srcdir/conf/policies.d/postgres.yaml
	    bash $dir/stop    # ends the demo
	EOF
}

# write_stop: a program that does what clean_up() would.
write_stop()
{
	declare -p dir pids patience
	declare -f note gone uptime_s family wait_for stop unmount_below scratch_remove
	[ "$client" != docker ] ||
	    echo "docker -H $docker_socket rm -f winnow-demo > /dev/null"
	cat <<-'EOF'
	for name in "${!pids[@]}"; do stop "$name"; done
	unmount_below "$dir"
	scratch_remove "$dir"
	EOF
}

# leave_running: the servers outlive this script.
leave_running()
{
	write_stop > "$dir/stop"
	trap - EXIT
	disown -a
}

keep=
[ "${1:-}" != --keep ] || keep=1
need_root
say 'Image: PostgreSQL from Debian packages (minutes the first time)'
"$tests/images/build" postgres > "$dir/layouts" ||
    die "cannot build the image (a container has to be --privileged)"
layouts=$(cat "$dir/layouts")
port=5000
! ss -Hltn 'sport = :5000' 2> /dev/null | grep -q . || port=$(free_port)
say "winnowd on 127.0.0.1:$port, upstream oci:$layouts"
start_winnowd "oci:$layouts"
choose_client
say "$client pull $proxy/postgres:15"
timed_pull variant "$proxy/postgres:15"
say "$client pull $proxy/original/postgres:15"
timed_pull original "$proxy/original/postgres:15"
print_table
[ "$client" != docker ] || run_server
print_next
[ -z "$keep" ] || leave_running
