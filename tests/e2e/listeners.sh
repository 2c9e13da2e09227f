#!/bin/bash
# One winnowd on IPv4, IPv6, a Unix socket and sockets that it inherits.
# Containers often have no IPv6, where a network of one's own may have it.
if [ ! -e /proc/net/if_inet6 ] || ! grep -q ' lo$' /proc/net/if_inet6; then
	[ -n "${OWN_NETWORK:-}" ] ||
	    OWN_NETWORK=1 exec unshare --net -- bash "$0" "$@"
	echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6
	ip link set lo up
fi
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
port6=$(free_port)
socket=$dir/winnow.socket
winnowd_config "oci:$layouts"
sed -i "s|^listen:.*|listen: [\"$proxy\", \"[::1]:$port6\", \"unix:$socket\"]|" \
    "$dir/winnow.conf"
start_winnowd

unix_get() { curl -fsS --unix-socket "$socket" "http://winnow/v2/$1"; }

check 'IPv4' answers "http://$proxy/v2/small/manifests/1"
check 'IPv6' answers "http://[::1]:$port6/v2/small/manifests/1"
check 'a Unix socket' unix_get small/manifests/1
is 'which is for its user and group' "$(stat -c %a "$socket")" 660
digest=$(unix_get small/manifests/1 | jq -r '.manifests[0].digest')
layer=$(unix_get "small/manifests/$digest" | jq -r '.layers[0].digest')
is 'blobs come through it too' \
    "sha256:$(unix_get "small/blobs/$layer" | sha256sum | cut -c1-64)" "$layer"
# Both servers accept on the one socket.
many() { for i in {1..50}; do unix_get small/manifests/1 || return; done; }
check 'fifty clients of it' many

check 'a second winnowd does not take a socket that is served' \
    fails "$winnowd" -c "$dir/winnow.conf"
check 'and leaves it alone' unix_get ''
stop winnowd KILL
check 'a killed winnowd leaves its socket' test -S "$socket"
start_winnowd
check 'the next one takes it over' unix_get ''
stop winnowd
check 'a stopped one removes it' test ! -e "$socket"

# As the units start it: without privileges.  A network of its own has the
# kernel's idea of which ports are for these.
sed 's|^listen:.*|listen: ["0.0.0.0:443"]|' "$dir/winnow.conf" > "$dir/low.conf"
unprivileged() { unshare --net setpriv --bounding-set=-net_bind_service "$@"; }
if [ "$(id -u)" = 0 ]; then
	out=$(unprivileged "$winnowd" -c "$dir/low.conf" 2>&1)
	has 'a port below 1024: what to do' "$out" \
	    '0.0.0.0:443: cannot listen: a port below 1024 .* winnowd.socket'
fi

# activate NAMES -- COMMAND: a listening socket for each of the ports in
# $ports, from descriptor 3 on, as the service manager hands them over: the
# first for both families, as it does for ListenStream=PORT.
cat > "$dir/activate.py" <<'EOP'
import os, socket, sys
ports, names, command = sys.argv[1].split(), sys.argv[2], sys.argv[3:]
held = []
for i, port in enumerate(ports):
    s = socket.socket(socket.AF_INET if i else socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not i:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("127.0.0.1" if i else "::ffff:127.0.0.1", int(port)))
    s.listen(16)
    held.append(s)
for i, s in enumerate(held):
    os.dup2(s.fileno(), 50 + i)
for i in range(len(ports)):
    os.dup2(50 + i, 3 + i, inheritable=True)
os.environ.update(LISTEN_PID=os.environ.get("PID", str(os.getpid())),
                  LISTEN_FDS=str(len(ports)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
EOP
one=$(free_port) two=$(free_port) three=$(free_port)
proxy=127.0.0.1:$one
activated() { exec python3 "$dir/activate.py" "$one $two $three" web:web:other \
    "$winnowd" -c "$dir/winnow.conf"; }
sed -i 's|^listen:.*|listen: ["fd:web"]|' "$dir/winnow.conf"
start_ready winnowd 20 answers "http://$proxy/v2/" -- activated
check 'an inherited socket' answers "http://$proxy/v2/small/manifests/1"
log_is_settled
has 'whose IPv4 clients are in the log as such' \
    "$(grep request.done "$dir/winnowd.log" | tail -n 1)" ' client=127\.0\.0\.1 '
check 'another of the same name' answers "http://127.0.0.1:$two/v2/small/manifests/1"
has 'one that the configuration does not name is reported' \
    "$(cat "$dir/winnowd.log")" 'listen.unused.* socket=other'
stop winnowd
sed -i 's|^listen:.*|listen: ["fd:absent"]|' "$dir/winnow.conf"
(activated) > "$dir/absent.log" 2>&1
has 'a name that the manager did not pass is named' \
    "$(cat "$dir/absent.log")" 'listen: fd:absent: the service manager passed'
(export PID=1; activated) > "$dir/other.log" 2>&1
has 'sockets for another process are not taken' \
    "$(cat "$dir/other.log")" 'listen: fd:absent: the service manager passed'
finish
