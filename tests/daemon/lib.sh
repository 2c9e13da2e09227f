# What the tests of upstreams share; read by them with `.`.
# shellcheck shell=sh disable=SC2034 # the tests use what is set here
: "${top_srcdir:?run by make check}" "${top_builddir:?run by make check}"
lib=$top_srcdir/tests/lib
driver=$top_builddir/tests/daemon/upstream_driver
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-test.XXXXXX")
pids=
failures=0

cleanup() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# wait_for COMMAND...: until it succeeds; gives up after more than a minute.
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		if [ "$tries" -gt 1500 ]; then
			echo "gave up waiting for: $*" >&2
			exit 1
		fi
		sleep 0.05
	done
}

# Makes $work/layout with an image of tag 1 and sets manifest, layer and
# layer_size.
make_layout() {
	python3 "$lib/tiny_layout.py" "$work/layout" 1 "$1" >"$work/names"
	manifest=$(awk '$1 == "manifest" { print $2 }' "$work/names")
	manifest_size=$(awk '$1 == "manifest" { print $3 }' "$work/names")
	layer=$(awk '$1 == "layer" { print $2 }' "$work/names")
	layer_size=$(awk '$1 == "layer" { print $3 }' "$work/names")
}

# start_faulty_upstream [PEM]: the registry that misbehaves as told; sets url
# and the ports main, other and tls.
start_faulty_upstream() {
	: >"$work/log"
	echo '{}' >"$work/scenario"
	python3 "$lib/faulty_upstream.py" "$work/layout" "$work/scenario" \
	    "$work/log" "$work/ports" "$@" &
	pids="$pids $!"
	wait_for test -e "$work/ports"
	read -r main other tls <"$work/ports"
	url=http://127.0.0.1:$main
}

# scenario JSON: from now on the registry does that.
scenario() {
	: >"$work/log"
	printf '%s\n' "$1" >"$work/scenario.new"
	mv "$work/scenario.new" "$work/scenario"
}
rule() {
	scenario "{\"rules\": [$1]}"
}
# logged NAME COUNT PATTERN: that many requests match the regular expression.
logged() {
	grep -cE "$3" "$work/log" >"$work/out" || :
	check "$1" "$2"
}

# run ARGUMENT...: the driver, whose output goes to check.
run() {
	if ! "$driver" "$@" >"$work/out" 2>"$work/err"; then
		echo "FAILED: upstream_driver $*"
		cat "$work/err"
		failures=$((failures + 1))
	fi
}

# check NAME PATTERN: the output of the driver matches a shell pattern.
check() {
	# shellcheck disable=SC2254 # it is a pattern
	case $(cat "$work/out") in
	$2)
		echo "ok: $1"
		;;
	*)
		echo "FAILED: $1"
		echo "  wanted: $2"
		echo "  got:    $(cat "$work/out")"
		failures=$((failures + 1))
		;;
	esac
}
