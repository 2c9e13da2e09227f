#!/bin/bash
# /metrics as Prometheus reads it, with figures that agree with what happened;
# /healthz and /readyz; a server that dies is counted and its counts stay.
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
admin_port=$(free_port)
winnowd_config "oci:$layouts" "admin: [\"127.0.0.1:$admin_port\", \"unix:$dir/metrics.sock\"]" \
    'wait: 1m'
# One server, so that the second request is a hit.
sed -i 's/^servers: .*/servers: 1/' "$dir/winnow.conf"
start_winnowd
at=http://127.0.0.1:$admin_port
code() { curl -sS -o "$dir/body" -w '%{http_code}' "$@"; }
scrape() { curl -fsS "$at/metrics" > "$dir/metrics"; }
# metric SERIES: its value; nothing when it is not there.
metric() { awk -v s="$1" 'index($0, s " ") == 1 { print $NF }' "$dir/metrics"; }
# becomes NAME SERIES VALUE: a server counts a request when it has answered.
becomes() { check "$1" wait_for 10 has_now "$2" "$3"; }
has_now() { scrape && same "$(metric "$1")" "$2"; }

is 'healthz' "$(code "$at/healthz") $(cat "$dir/body")" '200 ok'
is 'readyz' "$(code "$at/readyz") $(cat "$dir/body")" '200 ready'
is 'what is not there' "$(code "$at/other")" 404
is 'HEAD' "$(code -I "$at/healthz")" 200
is 'POST is refused' "$(code -X POST "$at/metrics")" 405
is 'over the Unix socket' \
    "$(code --unix-socket "$dir/metrics.sock" http://admin/healthz)" 200
is 'which is not for everybody' "$(stat -c %a "$dir/metrics.sock")" 660
is 'a request that is too large' "$(code -H "X: $(printf '%09000d' 0)" "$at/healthz")" 431

scrape
check 'an idle winnowd has metrics in the right form' \
    "$tests/lib/check_metrics.py" "$dir/metrics"
check 'the checker sees a missing type' fails "$tests/lib/check_metrics.py" \
    <(sed '/^# TYPE winnow_servers /d' "$dir/metrics")
is 'nothing built' "$(metric 'winnow_builds_total{result="built"}')" 0

manifest small 1 > "$dir/manifest"
bytes=$(stat -c %s "$dir/manifest")
manifest small 1 > /dev/null
manifest small absent > /dev/null
becomes 'manifests sent' 'winnow_requests_total{kind="manifest",code="200"}' 2
becomes 'and refused' 'winnow_requests_total{kind="manifest",code="404"}' 1
check 'so has one that works' "$tests/lib/check_metrics.py" "$dir/metrics"
is 'a hit' "$(metric winnow_hits_total)" 1
is 'two misses' "$(metric winnow_misses_total)" 2
check 'bytes' test "$(metric winnow_sent_bytes_total)" -ge $((2 * bytes))
is 'a variant built' "$(metric 'winnow_builds_total{result="built"}')" 1
is 'and timed' "$(metric winnow_build_seconds_count)" 1
check 'the upstream was asked' test \
    "$(metric 'winnow_upstream_requests_total{upstream="docker.io"}')" -gt 2
is 'and lacked a tag' "$(metric \
    'winnow_upstream_errors_total{upstream="docker.io",reason="not-found"}')" 1
blobs=$(find "$dir/store/blobs" -type f | wc -l)
is 'the blobs of the store' "$(metric winnow_cache_blobs)" "$blobs"
is 'and their bytes' "$(metric winnow_cache_bytes)" \
    "$(find "$dir/store/blobs" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')"

server=$(pgrep -P "${pids[winnowd]}" -f 'role server')
kill -9 "$server"
wait_for 20 answers "http://$proxy/v2/"
scrape
is 'a dead server is counted' "$(metric winnow_server_restarts_total)" 1
check 'its requests still are' test \
    "$(metric 'winnow_requests_total{kind="manifest",code="200"}')" -ge 2
manifest small 1 > /dev/null
becomes 'and the next counts on' \
    'winnow_requests_total{kind="manifest",code="200"}' 3

# A client that keeps its connection makes the drain last.
exec 3<> "/dev/tcp/127.0.0.1/$port"
printf 'GET /v2/ HTTP/1.1\r\n' >&3
has_read()
{
	ss -Htnp state established "sport = :$port" |
	    awk '$1 == 0 && /users:/ { found = 1 } END { exit !found }'
}
check 'it has begun to ask' wait_for 20 has_read
kill "${pids[winnowd]}"
check 'readyz says that it stops' wait_for 20 \
    eval "[ \"\$(code $at/readyz)\" = 503 ]"
is 'healthz does not' "$(code "$at/healthz")" 200
exec 3>&-
finish
