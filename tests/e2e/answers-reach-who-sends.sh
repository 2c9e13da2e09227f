#!/bin/bash
# A client that sends a body which nobody wants gets its whole answer, also
# when it reads only after it has sent everything, plain and through TLS; a
# server closes such a connection within bounds, and is idle afterwards.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/certificates.sh"

need python3 curl
mkdir "$dir/library" "$dir/policies.d"
make_authority ca
make_certificate one ca 'IP:127.0.0.1'
tls=127.0.0.1:$(free_port)
policies=$dir/policies.d
winnowd_config "oci:$dir" 'tls: {certificates: [{chain: one.pem, key: one.key}]}'
sed -i "s|^listen:.*|listen: [\"$proxy\", \"tls://$tls\"]|" "$dir/winnow.conf"
start_winnowd
head -c 3000000 /dev/zero > "$dir/large"
upload=/v2/a/blobs/uploads/

# sends ADDRESS COUNT PIECE PAUSE [ca]: clients that read when all is sent.
sends() { python3 - "$@" <<'END'; }
import json, socket, ssl, sys, time

address, count, piece, pause = sys.argv[1:5]
host, port = address.split(":")
context = ssl.create_default_context(cafile=sys.argv[5]) if sys.argv[5:] else None
body = bytes(3000000)
requests = [
    (405, b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n"),
    (405, b"PUT /v2/a/manifests/1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"),
    (400, b"GET /v2/ HTTP/1.1\r\nno colon\r\n\r\n"),
]
for i in range(int(count)):
    status, head = requests[i % len(requests)]
    s = socket.create_connection((host, int(port)), timeout=20)
    if context:
        s = context.wrap_socket(s, server_hostname=host)
    s.sendall(head)
    for at in range(0, len(body), int(piece)):
        s.sendall(body[at:at + int(piece)])
        time.sleep(float(pause))
    answer = s.makefile("rb").read()
    lines, _, rest = answer.partition(b"\r\n\r\n")
    assert lines.startswith(b"HTTP/1.1 %d " % status), (status, answer)
    assert b"Connection: close" in lines, answer
    assert json.loads(rest)["errors"][0]["code"] == "UNSUPPORTED", answer
    s.close()
END

# posts URL COUNT [CURL-ARGUMENT...]: every one is answered 405.
posts()
{
	local n
	for n in $(seq "$2"); do
		[ "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$dir/ca.pem" \
		    -X POST --data-binary @"$dir/large" "${@:3}" "$1")" = 405 ] ||
		    return 1
	done
}

for address in "$proxy" "$tls"; do
	case $address in
	"$tls") how=TLS url=https://$address$upload ca=("$dir/ca.pem") ;;
	*) how=plain url=http://$address$upload ca=() ;;
	esac
	check "$how: at full speed" sends "$address" 60 3000000 0 "${ca[@]}"
	check "$how: in slow pieces" sends "$address" 3 100000 0.05 "${ca[@]}"
	check "$how: curl" posts "$url" 40 -H Expect:
	check "$how: curl that sends slowly" posts "$url" 1 -H Expect: \
	    --limit-rate 2M
	check "$how: curl that asks before it sends" posts "$url" 5 \
	    -H 'Expect: 100-continue'
done

# endless ADDRESS: a client that never stops is cut off; says after what.
endless() { python3 - "$@" <<'END'; }
import socket, sys

host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)), timeout=20)
s.sendall(b"POST /v2/ HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n")
sent = 0
try:
    while sent < 1 << 30:
        sent += s.send(bytes(1 << 20))
except OSError as e:
    print(sent >> 20, "MiB, then", e)
assert sent < 128 << 20, sent
END
check 'a client that never stops is cut off' endless "$proxy"
note "$(cat "$dir/check.out")"

# Nothing of all this is left in a server's event loop.
ticks()
{
	local pid
	for pid in $(pgrep -P "${pids[winnowd]}" -f 'role server'); do
		awk '{ print $14 + $15 }' "/proc/$pid/stat"
	done | awk '{ n += $1 } END { print n }'
}
calm() { local n; n=$(ticks); sleep 0.5; [ $(($(ticks) - n)) -le 2 ]; }
check 'the servers are idle again' wait_for 20 calm
sockets() { [ -z "$(ss -Htn state all "sport = :${proxy##*:}" | grep -v -e LISTEN -e TIME-WAIT)" ]; }
check 'and no socket is left' wait_for 20 sockets
is 'no server died' "$(grep -c server.died "$dir/winnowd.log")" 0
finish
