#!/bin/bash
# An original reaches every client that waits for it while it is downloaded,
# also by Range; upstream is asked once; a blob that turns out to be wrong
# never arrives whole and is not kept; a client that leaves disturbs nobody.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/certificates.sh"

python3 "$tests/lib/tiny_layout.py" "$dir/layout" 1 8000000 > "$dir/names"
layer=$(awk '$1 == "layer" { print $2 }' "$dir/names")
size=$(awk '$1 == "layer" { print $3 }' "$dir/names")
half=$((size / 2))
url=original/app/blobs/$layer

scenario() { echo "$1" > "$dir/scenario.new" && mv "$dir/scenario.new" "$dir/scenario"; }

# gated [MORE]: upstream stops in the middle of the layer until $dir/gate.
gated()
{
	rm -f "$dir/gate"
	scenario "{\"rules\": [{\"match\": \"blobs/$layer\", \"gate_at\": $half,
	    \"gate\": \"$dir/gate\" ${1:-}}]}"
}

# get NAME [CURL-ARGUMENT...]: in the background, into NAME.got.
get()
{
	local name=$1
	shift
	start "$name" curl -sS -N -o "$dir/$name.got" "$@" "http://$proxy/v2/$url"
}

has_bytes() { [ "$(stat -c %s "$dir/$1.got")" -ge "$2" ]; }
whole() { [ "sha256:$(sha256sum < "$dir/$1.got" | cut -c1-64)" = "$layer" ]; }
layer_requests() { grep -c "GET .*blobs/$layer" "$dir/requests"; }
kept() { [ -e "$dir/store/blobs/sha256/${layer:7:2}/${layer:7}" ]; }

# ends NAME STATUS: a client ends by itself.
ends()
{
	local pid=${pids[$1]} status=0
	unset "pids[$1]"
	wait "$pid" || status=$?
	is "$1 ends with status $2" "$status" "$2"
}

scenario '{}'
start_ready upstream 20 test -s "$dir/ports" -- python3 \
    "$tests/lib/faulty_upstream.py" "$dir/layout" "$dir/scenario" \
    "$dir/requests" "$dir/ports"
make_authority ca
make_certificate one ca 'IP:127.0.0.1'
tls=127.0.0.1:$(free_port)
winnowd_config "http://127.0.0.1:$(cut -d' ' -f1 "$dir/ports")" \
    'tls: {certificates: [{chain: one.pem, key: one.key}]}'
sed -i "s|^listen:.*|listen: [\"$proxy\", \"tls://$tls\"]|" "$dir/winnow.conf"
start_winnowd
manifest original/library/app 1 > "$dir/manifest"

gated
clients='a b c d e f g h'
for name in $clients; do get "$name"; done
get ranged -r "$((half - 200000))-$((half + 99999))"
get leaver
for name in $clients; do
	check "$name has bytes while upstream holds the rest" \
	    wait_for 20 has_bytes "$name" "$((half - 100000))"
done
check 'a client by Range has bytes as well' wait_for 20 has_bytes ranged 1
check 'one that leaves has bytes' wait_for 20 has_bytes leaver 1
stop leaver
is 'upstream was asked once' "$(layer_requests)" 1
check 'nothing is kept yet' fails kept
touch "$dir/gate"
for name in $clients; do
	ends "$name" 0
	check "$name has the whole layer" whole "$name"
done
ends ranged 0
check 'the range is right' cmp "$dir/ranged.got" \
    <(tail -c +"$((half - 200000 + 1))" "$dir/a.got" | head -c 300000)
is 'upstream was asked once in all' "$(layer_requests)" 1
check 'the layer is kept' kept

stop winnowd
rm -rf "$dir/store"
start_winnowd
manifest original/library/app 1 > "$dir/manifest"
gated ', "flip": true'
get wrong
check 'a wrong layer begins' wait_for 20 has_bytes wrong 1
touch "$dir/gate"
ends wrong 18
check 'it breaks before the end' fails has_bytes wrong "$size"
check 'and it is not kept' fails kept
has 'the log says why' "$(cat "$dir/winnowd.log")" 'upstream.blob .*code=digest'

# Upstream fails when it has sent all, and the servers learn of begin and end
# at once, since they are stopped meanwhile: nothing has left for the client.
servers() { pgrep -P "${pids[winnowd]}" -f 'role server'; }
mistakes() { grep -c 'upstream.blob .*code=digest' "$dir/winnowd.log"; }
failed() { [ "$(mistakes)" -gt "$before" ]; }
for name in plain secure; do
	case $name in plain) from=http://$proxy ;; *) from=https://$tls ;; esac
	rm "$dir/gate"
	: > "$dir/requests"
	scenario "{\"rules\": [{\"match\": \"blobs/$layer\", \"gate_at\": 0,
	    \"gate\": \"$dir/gate\", \"flip\": true}]}"
	before=$(mistakes)
	start "$name" curl -sS -o "$dir/$name.got" -w '%{http_code}' \
	    --cacert "$dir/ca.pem" "$from/v2/$url"
	check "$name: upstream is asked" wait_for 20 \
	    grep -q "$layer" "$dir/requests"
	# shellcheck disable=SC2046 # two of them
	kill -STOP $(servers)
	touch "$dir/gate"
	check 'upstream fails' wait_for 20 failed
	# shellcheck disable=SC2046 # two of them
	kill -CONT $(servers)
	ends "$name" 0
	has 'the client gets an error like any other' \
	    "$(cat "$dir/$name.log") $(cat "$dir/$name.got")" \
	    '^502 .*"code":"UNAVAILABLE"'
done
scenario '{}'
get right
ends right 0
check 'from an honest upstream it comes whole' whole right
finish
