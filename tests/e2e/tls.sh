#!/bin/bash
# TLS: what versions, names and certificates are spoken, sessions that any
# server resumes, a reload under a transfer, bad files, slow handshakes, and
# how much memory a large blob takes.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/certificates.sh"

python3 "$tests/lib/tiny_layout.py" "$dir/library/app" 1 60000000 > "$dir/names"
layer=$(awk '$1 == "layer" { print $2 }' "$dir/names")
make_authority ca
make_certificate one ca 'DNS:one.test,IP:127.0.0.1'
make_certificate two ca 'DNS:two.test,DNS:*.three.test'
tls_port=$(free_port)
admin_port=$(free_port)
policies=$dir/policies.d
mkdir "$policies"
winnowd_config "oci:$dir" 'default: pass'
sed -i -e '/^default: pass$/d' \
    -e "s|^listen:.*|listen: [\"$proxy\", \"tls://127.0.0.1:$tls_port\", \"tls://unix:$dir/tls.socket\"]|" \
    "$dir/winnow.conf"
cat >> "$dir/winnow.conf" <<EOT
admin: ["127.0.0.1:$admin_port"]
header_timeout: 3s
tls:
  certificates:
    - {chain: one.pem, key: one.key}
    - {chain: two.pem, key: two.key}
EOT
start_winnowd
https=https://127.0.0.1:$tls_port/v2
get() { curl -sS --cacert "$dir/ca.pem" "$@"; }
named() { get --connect-to "::127.0.0.1:$tls_port" "$@"; }
log() { cat "$dir/winnowd.log"; }

is 'a manifest through TLS' \
    "sha256:$(get "$https/original/app/manifests/1" | sha256sum | cut -c1-64)" \
    "$(awk '$1 == "manifest" { print $2 }' "$dir/names")"
get -o "$dir/blob" "$https/original/app/blobs/$layer"
is 'a blob through TLS' "sha256:$(sha256sum < "$dir/blob" | cut -c1-64)" "$layer"
check 'a range' cmp <(get -r 100000-299999 "$https/original/app/blobs/$layer") \
    <(tail -c +100001 "$dir/blob" | head -c 200000)
is 'HEAD' "$(get -I -o /dev/null -w '%{http_code}' "$https/original/app/blobs/$layer")" 200
is 'a hundred requests of one connection' \
    "$(get -w '%{num_connects}\n' -o /dev/null "$https/original/app/manifests/1?[1-100]" |
	awk '{ n += $1 } END { print n }')" 1
check 'through a Unix socket' named --unix-socket "$dir/tls.socket" \
    https://one.test/v2/
check 'TLS 1.2' get --tls-max 1.2 "$https/"
check 'TLS 1.3' get --tlsv1.3 "$https/"
check 'not TLS 1.1' fails get --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 "$https/"
check 'the second certificate by its name' named https://two.test/v2/
check 'and by its wildcard' named https://a.three.test/v2/
check 'the first for any other name' fails named https://four.test/v2/
check 'plain HTTP on the port of TLS is refused' \
    fails get "http://127.0.0.1:$tls_port/v2/"
session() { openssl s_client -connect "127.0.0.1:$tls_port" -CAfile "$dir/ca.pem" "$@" 2>&1; }
has 'HTTP/1.1 is agreed on' "$(session -alpn h2,http/1.1 < /dev/null)" \
    'ALPN protocol: http/1.1'

# resumes VERSION: twenty connections with the session of the first, which
# the kernel spreads over both servers.
resumes()
{
	local i
	printf 'GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' > "$dir/request"
	session "$1" -ign_eof -sess_out "$dir/session" < "$dir/request" > /dev/null
	: > "$dir/resumed"
	for i in {1..20}; do
		session "$1" -ign_eof -sess_in "$dir/session" < "$dir/request" |
		    grep -aoE '^(New|Reused), ' >> "$dir/resumed"
	done
	sort "$dir/resumed" | uniq -c | tr -s ' '
}
before=$(log | grep -c request.done)
is 'any server resumes a session of TLS 1.2' "$(resumes -tls1_2)" ' 20 Reused, '
is 'any server resumes a session of TLS 1.3' "$(resumes -tls1_3)" ' 20 Reused, '
is 'and both had some' "$(log | grep request.done | tail -n +"$before" |
    grep -oE 'id=[0-9]+' | sort -u | wc -l)" 2

# Failed handshakes are logged and counted, departures without TLS's goodbye
# are not: after a reply, and in the middle of one.
failures() { log | grep -c 'tls.failed client='; }
counted()
{
	curl -fsS "http://127.0.0.1:$admin_port/metrics" |
	    awk '$1 == "winnow_tls_handshakes_failed_total" { print $2 }'
}
cat > "$dir/leave.py" <<'EOP'
import socket, ssl, struct, sys
port, ca, path = sys.argv[1:]
ctx = ssl.create_default_context(cafile=ca)
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    ctx.minimum_version = ctx.maximum_version = version
    for request in "/v2/", path:
        for reset in False, True:
            raw = socket.create_connection(("127.0.0.1", int(port)))
            s = ctx.wrap_socket(raw, server_hostname="127.0.0.1")
            s.sendall(f"GET {request} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert s.recv(15) == b"HTTP/1.1 200 OK"
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
            s.close()  # the socket alone
EOP
# Each failure of a handshake comes after those departures in the log.
failed=$(failures)
check 'clients leave without a goodbye' python3 "$dir/leave.py" \
    "$tls_port" "$dir/ca.pem" "/v2/original/app/blobs/$layer"
check 'all of them have left' wait_for 20 eval \
    '[ "$(curl -fsS "http://127.0.0.1:$admin_port/metrics" |
	awk "\$1 == \"winnow_connections\" { print \$2 }")" = 0 ]'
is 'no handshake failed' "$(failures)" "$failed"
check 'a client that trusts another authority' fails \
    curl -sS --cacert "$dir/two.pem" "$https/"
check 'has a failed handshake in the log' wait_for 20 eval \
    '[ "$(failures)" = $((failed + 1)) ]'
is 'and among the metrics' "$(counted)" "$(failures)"

# A reload while a client is in the middle of a blob.
start slow curl -sS --cacert "$dir/ca.pem" --limit-rate 10M -o "$dir/slow.got" \
    "$https/original/app/blobs/$layer"
check 'a slow client is served' wait_for 20 test -s "$dir/slow.got"
make_certificate one ca 'DNS:new.test,IP:127.0.0.1'
reload() { kill -HUP "${pids[winnowd]}"; }
reloaded() { [ "$(log | grep -cE 'core .*reload\.(done|failed)')" -ge "$1" ]; }
reload
check 'the reload is done' wait_for 20 reloaded 1
check 'new clients get the new certificate' \
    wait_for 20 everywhere named https://new.test/v2/
check 'which does not have the old name' fails named https://one.test/v2/
slow=${pids[slow]} status=0
unset "pids[slow]"
wait "$slow" || status=$?
is 'the transfer went on' \
    "$status sha256:$(sha256sum < "$dir/slow.got" | cut -c1-64)" "0 $layer"

# Files that cannot be: each leaves all as it is, and says why.
bad=1
refused()
{
	bad=$((bad + 1))
	reload
	check "$1: the reload is refused" wait_for 20 reloaded "$bad"
	has "$1: and says why" "$(log | grep reload.failed | tail -n1)" "$2"
	check "$1: the old certificate is still served" named https://new.test/v2/
	check "$1: winnowd -n fails too" fails "$winnowd" -n -c "$dir/winnow.conf"
}
cp "$dir/one.key" "$dir/good.key"
cp "$dir/one.pem" "$dir/good.pem"
cp "$dir/two.key" "$dir/one.key"
refused 'another key' "one.key is not the certificate's"
openssl pkey -in "$dir/good.key" -aes256 -passout pass:x -out "$dir/one.key"
refused 'a passphrase' 'has a passphrase'
rm "$dir/one.key"
refused 'no key' 'one.key does not exist'
cp "$dir/good.key" "$dir/one.key"
echo nonsense > "$dir/one.pem"
refused 'no certificate' 'no certificate in PEM form in .*one.pem'
make_certificate one ca 'DNS:one.test' -expired
refused 'an expired certificate' 'one.pem has expired'
mv "$dir/good.pem" "$dir/one.pem"
mv "$dir/good.key" "$dir/one.key"
echo 'log_level: loud' >> "$dir/winnow.conf"
refused 'a mistake in the configuration' 'loud'
sed -i '$d' "$dir/winnow.conf"
cp "$dir/winnow.conf" "$dir/before.conf"
sed -i 's/^servers: 2/servers: 3/' "$dir/winnow.conf"
echo 'tag_ttl: 7m' >> "$dir/winnow.conf"
reload
check 'a good one is taken' wait_for 20 reloaded "$((bad + 1))"
has 'and says what changed' "$(log)" 'reload.key key=tag_ttl'
has 'and what only a restart changes' "$(log)" 'reload.restart key=servers'
mv "$dir/before.conf" "$dir/winnow.conf"

# Clients that never finish their handshake: they end after header_timeout,
# and nobody else notices.
cat > "$dir/stuck.py" <<'EOP'
import socket, sys
socks = []
for _ in range(200):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.sendall(b"\x16\x03\x01\x02\x00\x01")  # the start of a ClientHello
    socks.append(s)
print("stuck", flush=True)
for s in socks:
    s.settimeout(20)
    assert s.recv(1) == b""
EOP
start stuck python3 "$dir/stuck.py" "$tls_port"
check 'two hundred handshakes stand still' wait_for 20 grep -q stuck "$dir/stuck.log"
check 'others are served' get --max-time 3 "$https/"
stuck=${pids[stuck]} status=0
unset "pids[stuck]"
wait "$stuck" || status=$?
is 'and they are ended' "$status" 0

# Pipelined requests and key updates behind a request that waits for core:
# evhttp must not be made to read (it would exit).
cat > "$dir/ahead.py" <<'EOP'
import socket, ssl, sys
ctx = ssl.create_default_context(cafile=sys.argv[2])
for i in range(20):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as raw, \
         ctx.wrap_socket(raw, server_hostname="127.0.0.1") as s:
        one = f"GET /v2/absent{i}/manifests/1 HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        s.sendall(one * 50)
        got = b""
        while got.count(b"MANIFEST_UNKNOWN") + got.count(b"NAME_UNKNOWN") < 50:
            more = s.recv(65536)
            if not more:
                sys.exit(f"the end after {got[-200:]}")
            got += more
EOP
check 'fifty pipelined requests a connection' \
    python3 "$dir/ahead.py" "$tls_port" "$dir/ca.pem"
check 'no server died' lacks "$(log)" server.died

# Twenty clients that stop reading in a large blob.
servers=$(pgrep -P "${pids[winnowd]}" -f 'role server')
memory() { awk '/^RssAnon/ { n += $2 } END { print n }' $(printf '/proc/%s/status ' $servers); }
before=$(memory)
cat > "$dir/unread.py" <<'EOP'
import socket, ssl, sys, time
ctx = ssl.create_default_context(cafile=sys.argv[2])
held = []
for _ in range(20):
    s = ctx.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))),
                        server_hostname="127.0.0.1")
    s.sendall(f"GET /v2/original/app/blobs/{sys.argv[3]} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert s.recv(12) == b"HTTP/1.1 200"
    held.append(s)
print("held", flush=True)
sys.stdin.read()
EOP
mkfifo "$dir/hold"
exec 7<> "$dir/hold"
python3 "$dir/unread.py" "$tls_port" "$dir/ca.pem" "$layer" < "$dir/hold" > "$dir/unread.log" 2>&1 7>&- &
pids[unread]=$!
check 'twenty clients stop reading' wait_for 20 grep -q held "$dir/unread.log"
check 'others get the blob' same \
    "sha256:$(get "$https/original/app/blobs/$layer" | sha256sum | cut -c1-64)" "$layer"
grown=$((($(memory) - before) / 1024))
note "20 clients in a blob of 60 MB: $grown MiB more"
# A sanitizer keeps what was freed.
ldd "$winnowd" | grep -q libasan || check 'they take less than 16 MiB' test "$grown" -lt 16
stop unread KILL 2> /dev/null

# Certificates of clients.
make_authority clients
make_certificate alice clients 'email:alice@example.com' -subj /CN=alice
make_certificate mallory ca 'DNS:mallory' -subj /CN=mallory
sed -i 's/^  certificates:/  client_ca: clients.pem\n  client_certificate: required\n&/' \
    "$dir/winnow.conf"
reload
check 'client certificates are asked for' wait_for 20 reloaded "$((bad + 2))"
as() { get --cert "$dir/$1.pem" --key "$dir/$1.key" "$https/"; }
check 'a client with a certificate' wait_for 20 as alice
check 'none without one' wait_for 20 everywhere fails get "$https/"
check 'none of another authority' fails as mallory
check 'which the log says' wait_for 10 grep -qE \
    'tls.failed client=127.0.0.1 why="(peer did not|certificate verify)' "$dir/winnowd.log"
sed -i 's/client_certificate: required/client_certificate: optional/' "$dir/winnow.conf"
reload
check 'now they may have one' wait_for 20 reloaded "$((bad + 3))"
nobody() { [ "$(get -o /dev/null -w '%{http_code}' "$https/")" = 403 ]; }
check 'one without is nobody, who is refused' wait_for 20 everywhere nobody
check 'a client with a certificate again' as alice

# A reload ends nobody, unless the authority of clients is another: then who was
# let in by a certificate has to show it again; what is on its way goes on.
cat > "$dir/held.py" <<'EOP'
import socket, ssl, sys
port, ca, name, path = sys.argv[1:]
def client(*certificate):
    ctx = ssl.create_default_context(cafile=ca)
    if certificate:
        ctx.load_cert_chain(*certificate)
    raw = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
    return ctx.wrap_socket(raw, server_hostname="127.0.0.1")
def ask(s, path):
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        got = s.recv(1)
        assert got, f"the end after {head}"
        head += got
    return int(head.lower().split(b"content-length: ")[1].split()[0])
def read(s, size):
    while size > 0:
        got = s.recv(min(size, 65536))
        assert got, f"{size} bytes are missing"
        size -= len(got)
alice = name + ".pem", name + ".key"
idle, busy, nobody = client(*alice), client(*alice), client()
for s in idle, nobody:
    read(s, ask(s, "/v2/"))
left = ask(busy, path)
print("held", flush=True)
sys.stdin.readline()
read(idle, ask(idle, "/v2/"))
print("asked", flush=True)
sys.stdin.readline()
assert idle.recv(1) == b"", "more for the idle one"
read(busy, left)
assert busy.recv(1) == b"", "more after the blob"
read(nobody, ask(nobody, "/v2/"))
EOP
python3 "$dir/held.py" "$tls_port" "$dir/ca.pem" "$dir/alice" \
    "/v2/original/app/blobs/$layer" < "$dir/hold" > "$dir/held.log" 2>&1 7>&- &
held=$! status=0
check 'clients are there' wait_for 20 grep -q held "$dir/held.log"
reload
check 'at a reload' wait_for 20 reloaded "$((bad + 4))"
check 'new clients have the new keys' as alice
echo >&7
check 'who has shown a certificate goes on' wait_for 20 grep -q asked "$dir/held.log"
make_authority others
cat "$dir/others.pem" >> "$dir/clients.pem"
reload
check 'at a reload with another authority' wait_for 20 reloaded "$((bad + 5))"
echo >&7
wait "$held" || status=$?
is 'those with a certificate end, those without go on' \
    "$status $(tr '\n' ' ' < "$dir/held.log")" '0 held asked '

# A certificate that expires under its connection.
make_certificate brief clients 'DNS:brief' -ending 8 -subj /CN=brief
cat > "$dir/brief.py" <<'EOP'
import http.client, ssl, sys
port, ca, name = sys.argv[1:]
ctx = ssl.create_default_context(cafile=ca)
ctx.load_cert_chain(name + ".pem", name + ".key")
c = http.client.HTTPSConnection("127.0.0.1", int(port), context=ctx, timeout=20)
def ask():
    c.request("GET", "/v2/")
    r = c.getresponse()
    r.read()
    return r.status, r.will_close
assert ask() == (200, False)
s = c.sock
print("came", flush=True)
sys.stdin.readline()
assert c.sock is s
got = ask()
assert got == (403, True), got
EOP
python3 "$dir/brief.py" "$tls_port" "$dir/ca.pem" "$dir/brief" \
    < "$dir/hold" > "$dir/brief.log" 2>&1 7>&- &
brief=$! status=0
check 'a client whose certificate is good for seconds' \
    wait_for 20 grep -q came "$dir/brief.log"
check 'which are over' wait_for 20 fails \
    openssl x509 -checkend 0 -in "$dir/brief.pem"
echo >&7
wait "$brief" || status=$?
is 'is nobody, and ends' "$status $(cat "$dir/brief.log")" '0 came'
finish
