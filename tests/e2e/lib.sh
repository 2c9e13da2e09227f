# For the end-to-end tests: servers and clients on loopback ports and in a
# directory of their own, stopped by process id however the test ends.
# Each test sources this file, prints TAP, and ends with `finish`.
# shellcheck shell=bash disable=SC2034

set -uo pipefail
umask 022

top_srcdir=${top_srcdir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
winnow=$top_builddir/winnow
winnowd=$top_builddir/winnowd
tests=$top_srcdir/tests
. "$tests/lib/scratch.sh"

dir=$(scratch_make "${TMPDIR:-/tmp}/winnow-e2e.XXXXXX")
checks=0 failures=0
declare -A pids=()
trap clean_up EXIT
trap 'failures=1; exit 130' INT TERM

note() { echo "# $*"; }

# bail REASON: the test cannot go on, also when said in a $(...).
bail()
{
	{ note "$*"; echo "Bail out! $*"; } >&2
	failures=$((failures + 1))
	[ "$BASHPID" = $$ ] || kill -TERM $$
	exit 1
}

skip_all() { echo "1..0 # SKIP $*"; exit 77; }

# need PROGRAM...: skips the test where one is not installed.
need()
{
	local program
	for program; do
		command -v "$program" > /dev/null || skip_all "no $program"
	done
}

need_root() { [ "$(id -u)" = 0 ] || skip_all "needs root"; }

# check NAME COMMAND...: one TAP line; the command's output when it fails.
check()
{
	local name=$1
	shift
	checks=$((checks + 1))
	if "$@" > "$dir/check.out" 2>&1; then
		echo "ok $checks - $name"
	else
		failures=$((failures + 1))
		echo "not ok $checks - $name"
		tail -n 40 "$dir/check.out" | sed 's/^/#   /'
	fi
}

# is NAME GOT WANTED
is()
{
	check "$1" same "$2" "$3"
}

same() { [ "$1" = "$2" ] || { printf 'got:    %s\nwanted: %s\n' "$1" "$2"; false; }; }

# has NAME TEXT PATTERN: an extended regular expression matches in the text.
has()
{
	check "$1" matches "$2" "$3"
}

matches() { grep -qE -- "$2" <<< "$1" || { printf '%s\nlacks: %s\n' "$1" "$2"; false; }; }

lacks() { ! grep -qE -- "$2" <<< "$1" || { printf '%s\nhas: %s\n' "$1" "$2"; false; }; }

fails() { ! "$@"; }

# family PID: it and its children.
family() { echo "$1" $(pgrep -P "$1"); }

finish()
{
	echo "1..$checks"
	[ "$failures" = 0 ]
	exit
}

# The logs say why; a passing test leaves nothing.
clean_up()
{
	local status=$? name
	trap - EXIT
	[ "$failures" = 0 ] || show_logs
	for name in "${!pids[@]}"; do stop "$name"; done
	if [ -n "${CLIENT_ROOT:-}" ] && [ -d "$CLIENT_ROOT$dir" ]; then
		umount -R -l "$CLIENT_ROOT$dir" 2> /dev/null
		rmdir "$CLIENT_ROOT$dir"
	fi
	unmount_below "$dir"
	[ -n "${KEEP:-}" ] || scratch_remove "$dir"
	exit "$status"
}

# unmount_below DIR: what tests and container engines mounted there.
unmount_below()
{
	tac /proc/self/mounts |
	    awk -v top="$1/" 'index($2, top) == 1 { print $2 }' |
	    while read -r point; do umount -l "$point" 2> /dev/null; done
}

show_logs()
{
	local log
	for log in "$dir"/*.log; do
		[ -s "$log" ] || continue
		note "--- the end of ${log##*/}"
		tail -n 15 "$log" | cut -c1-300 | sed 's/^/# /'
	done
}

# How many times as long as on an idle machine everything may take.  Only a
# test that fails takes all of it.
patience=4

# uptime_s: seconds by a clock that nobody sets.
uptime_s() { local now; read -r now _ < /proc/uptime; echo "${now%.*}"; }

# wait_for SECONDS COMMAND...: until the command succeeds; an idle machine needs
# less than so many seconds.
wait_for()
{
	local end=$(($(uptime_s) + $1 * patience))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$(uptime_s)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# everywhere COMMAND...: twenty times, so that each server answers.  What is
# changed is in force in one server before it is in another.
everywhere() { for _ in {1..20}; do "$@" || return; done; }

# gone PID...: none of the processes runs; who waits for it does not matter.
gone()
{
	local pid
	for pid; do
		[[ $(cat "/proc/$pid/stat" 2> /dev/null) == *') '[!ZX]* ]] && return 1
	done
	return 0
}

# start NAME COMMAND...: in the background, output to NAME.log.
start()
{
	local name=$1
	shift
	"$@" < /dev/null >> "$dir/$name.log" 2>&1 &
	pids[$name]=$!
}

# stop NAME [SIGNAL]: and wait until it is gone, and its children: servers of a
# winnowd that was killed answer until they have noticed.
stop()
{
	local pid=${pids[$1]:-} all
	[ -n "$pid" ] || return 0
	unset "pids[$1]"
	all=$(family "$pid")
	kill "-${2:-TERM}" "$pid" 2> /dev/null
	if ! wait_for 20 gone "$pid"; then
		note "$1 ignores ${2:-TERM}"
		kill -KILL "$pid"
	fi
	wait "$pid" 2> /dev/null || :
	# shellcheck disable=SC2086 # words
	wait_for 5 gone $all || note "$1 leaves processes behind"
}

# start_ready NAME SECONDS PROBE... -- COMMAND...: started and answering.
start_ready() { try_ready "$@" || bail "$1 does not start"; }

try_ready()
{
	local name=$1 seconds=$2 probe=()
	shift 2
	while [ "$1" != -- ]; do probe+=("$1"); shift; done
	shift
	start "$name" "$@"
	wait_for "$seconds" ready_or_dead "$name" "${probe[@]}"
	"${probe[@]}" > /dev/null 2>&1
}

ready_or_dead()
{
	local name=$1
	shift
	gone "${pids[$name]}" || "$@"
}

# hash_of PASSWORD COST: as htpasswd -B has it.
hash_of()
{
	perl -e 'print crypt($ARGV[0], q($2y$) . $ARGV[1] . q($abcdefghijklmnopqrstuu))' \
	    "$1" "$2"
}

# free_port: one that no client is given meanwhile, nor this test once more.
free_port() { python3 "$tests/lib/free_port.py" "$dir/ports.taken"; }

answers() { curl -fsS -o /dev/null "$1"; }

# image_layouts NAME: the directory of layouts with a test image.
image_layouts()
{
	"$tests/images/build" "$1" 2>> "$dir/images.log" ||
	    bail "cannot build the image $1"
}

# winnowd_config UPSTREAM [LINE...]: writes $dir/winnow.conf; the policies
# are those in $policies, by default the shipped ones.
winnowd_config()
{
	local upstream=$1
	shift
	port=${port:-$(free_port)}
	proxy=127.0.0.1:$port
	cat > "$dir/winnow.conf" <<-EOF
	listen: ["$proxy"]
	store: $dir/store
	admin_socket: $dir/admin.sock
	policies: ${policies:-$top_srcdir/conf/policies.d}
	sets: $top_srcdir/conf/sets.d
	default_upstream: docker.io
	upstreams:
	  docker.io: { url: "$upstream" }
	default: pass
	servers: 2
	workers: 2
	EOF
	[ $# = 0 ] || printf '%s\n' "$@" >> "$dir/winnow.conf"
}

# start_winnowd [UPSTREAM [LINE...]]: with arguments writes the
# configuration first, without uses the one that is there.
start_winnowd()
{
	[ -x "$winnowd" ] || bail "no $winnowd: run make first"
	[ $# = 0 ] || winnowd_config "$@"
	mkdir -p "$dir/store"
	start_ready winnowd 20 answers "http://$proxy/v2/" -- \
	    "$winnowd" -c "$dir/winnow.conf"
}

# admin COMMAND [ARGUMENT...]: to this winnowd.  admin_status FILTER: what it
# says of itself.
admin() { "$winnow" "$1" --socket "$dir/admin.sock" "${@:2}"; }
admin_status() { admin status --json | jq -r "$1"; }

# torn STORE: its blobs whose bytes are not those of their names.
torn()
{
	local file
	find "$1/blobs" -type f | while read -r file; do
		[ "$(sha256sum "$file" | cut -c1-64)" = "${file##*/}" ] ||
		    echo "$file"
	done
}

# log_is_settled: winnowd.log has what was answered until now.  A server writes
# a request's line after its reply, but before that of the next request, which
# is therefore asked of each.
settles=0
log_is_settled()
{
	settles=$((settles + 1))
	wait_for 20 each_server_logs "settle-$settles."
}
each_server_logs()
{
	local servers
	servers=$(sed -n 's/^servers: //p' "$dir/winnow.conf")
	curl -sS -o /dev/null -A "$1" "http://$proxy/v2/"
	[ "$(grep -F "agent=$1" "$dir/winnowd.log" |
	    grep -oE ' id=[0-9]+' | sort -u | wc -l)" = "$servers" ]
}

# small_policies [LINE...]: a policy directory for the small image.
small_policies()
{
	policies=$dir/policies.d
	mkdir -p "$policies"
	cat > "$policies/small.yaml" <<-'EOF'
	repository: docker.io/library/small
	keep:
	  - /usr/bin/cat
	  - /usr/bin/capable
	  - /usr/bin/setuid
	  - /etc/**
	  - /srv/**
	config:
	  entrypoint: [cat]
	EOF
	[ $# = 0 ] || printf '%s\n' "$@" >> "$policies/small.yaml"
}

# start_registry NAME DATA [PROXIED]: docker-registry; its address is in
# ${addresses[NAME]}, its access log in NAME.log.
declare -A addresses=()
start_registry()
{
	local name=$1 address
	address=127.0.0.1:$(free_port)
	addresses[$name]=$address
	mkdir -p "$2"
	cat > "$dir/$name.yml" <<-EOF
	version: 0.1
	log: { accesslog: { disabled: false }, level: warn }
	storage:
	  filesystem: { rootdirectory: $2 }
	  delete: { enabled: true }
	http: { addr: $address }
	${3:+proxy: { remoteurl: "$3" \}}
	EOF
	start_ready "$name" 20 answers "http://$address/v2/" -- \
	    docker-registry serve "$dir/$name.yml"
}

# push_layout LAYOUTS NAME TAG ADDRESS: the image as it is, whole index.
push_layout()
{
	skopeo copy -q --all --preserve-digests --dest-tls-verify=false \
	    "oci:$1/library/$2:$3" "docker://$4/library/$2:$3"
}

# start_upstream LAYOUTS NAME:TAG... [-- LAYOUTS NAME:TAG...]: docker-registry
# with these images, at the URL $upstream; its log is empty then.
start_upstream()
{
	local layouts=$1
	start_registry upstream "$dir/registry"
	upstream=http://${addresses[upstream]}
	while shift; [ $# -gt 0 ]; do
		if [ "$1" = -- ]; then
			shift
			layouts=$1
			continue
		fi
		push_layout "$layouts" "${1%:*}" "${1#*:}" \
		    "${addresses[upstream]}" || bail "cannot push $1 upstream"
	done
	: > "$dir/upstream.log"
}

# manifest REPO REFERENCE: a manifest or index as winnow serves it.
accept='application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'
manifest()
{
	curl -sS -H "Accept: $accept" "http://$proxy/v2/$1/manifests/$2"
}

# platform_manifest REPO TAG: the image manifest behind tag or index.
platform_manifest()
{
	local json digest
	json=$(manifest "$1" "$2")
	digest=$(jq -r '.manifests[0].digest // empty' <<< "$json")
	[ -z "$digest" ] || json=$(manifest "$1" "$digest")
	printf '%s' "$json"
}

# The oracle: what may differ is the package database, which is filtered.
compare_trees()
{
	python3 "$tests/lib/compare.py" --rewritten var/lib/dpkg/status \
	    --rewritten 'var/lib/dpkg/info/*.list' \
	    --rewritten 'var/lib/dpkg/info/*.md5sums' \
	    --rewritten lib/apk/db/installed \
	    ${expect:+--expect "$expect"} "$1" "$2"
}

# no_shell ROOT: no program of these names, under any path.
no_shell()
{
	local found
	found=$(find "$1" \( -name sh -o -name bash -o -name dash -o \
	    -name busybox -o -name apt-get -o -name dpkg -o -name perl -o \
	    -name 'python3*' \) -a \( -type f -perm /111 -o -type l \))
	[ -z "$found" ] || { echo "$found"; false; }
}
