#!/bin/bash
# winnow status, warm and reload against a running winnowd: what an admin
# sees when all is well, and the cause in one line when it is not.
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
start_winnowd "oci:$layouts" 'wait: 1m'

is 'the socket is for user and group only' \
    "$(stat -c %a "$dir/admin.sock")" 660
out=$(admin status)
has 'status names version, process and address' "$out" \
    "^winnowd [0-9.]+, pid ${pids[winnowd]}, up .*, on $proxy\$"
has 'and when the policies were loaded' "$out" 'policies +1, loaded .* ago'
has 'nothing is going on' "$out" 'jobs under way: none'
has 'nobody was asked' "$out" 'docker.io +not asked yet'

out=$(admin warm --wait small:1 original/small:1)
is 'warm brings a variant and an original' "$?" 0
has 'and says so' "$out" '^warm +small:1: in the cache'
has 'and says so of the original' "$out" '^warm +original/small:1: in the cache'
is 'one variant was built' "$(admin_status .builds.built)" 1
blobs=$(admin_status .cache.blobs)
is 'the pull is a hit of the store' \
    "$(curl -sS -o /dev/null -w '%{http_code}' -H "Accept: $accept" \
    "http://$proxy/v2/small/manifests/1")" 200
layer=$(platform_manifest original/small 1 | jq -r '.layers[0].digest')
check 'so are the layers of the original' \
    test -s "$dir/store/blobs/sha256/${layer:7:2}/${layer:7}"
is 'and brought nothing new' "$(admin_status .cache.blobs)" "$blobs"
is 'built once' "$(admin_status .builds.built)" 1
check 'requests are counted' test "$(admin_status .requests.total)" -ge 2
check 'bytes too' test "$(admin_status .requests.bytes)" -gt 100
is 'the upstream answered' "$(admin_status '.upstreams[0].failed')" null

out=$(admin warm --wait absent:1 2>&1)
is 'warm of what is not there fails' "$?" 1
has 'and says why' "$out" '^failed +absent:1: docker.io: .*(absent|exist)'
out=$(admin warm 'small@sha256:short' 2>&1)
has 'a malformed digest is named' "$out" 'small@sha256:short'
out=$(admin warm --wait small:1 -- 'sm all:1' 2>&1)
is 'a malformed name fails' "$?" 1

cat > "$policies/zz.yaml" <<-'EOF'
	repository: docker.io/library/other
	kepp:
	  - /bin/true
	EOF
out=$(admin reload 2>&1)
is 'a reload with a mistake fails' "$?" 1
has 'the mistake has file, line and column' "$out" '^/.*/zz.yaml:2:1: .*kepp'
has 'status remembers it' "$(admin status)" 'RELOAD FAILED .* old ones are in force'
rm "$policies/zz.yaml"
is 'a reload without succeeds' "$(admin reload)" reloaded
check 'and status is well again' lacks "$(admin status)" 'RELOAD FAILED'
cat > "$policies/small.yaml" <<-'EOF'
	repository: docker.io/library/small
	keep:
	  - /no/such/program
	config:
	  entrypoint: [/no/such/program]
	EOF
admin reload > /dev/null
out=$(curl -sS -H "Accept: $accept" "http://$proxy/v2/small/manifests/1")
has 'a build that fails tells the client why' "$out" 'no keep rule of small.yaml matches'
has 'status has the same cause in one line' "$(admin status)" \
    '^    no keep rule of small.yaml matches anything in the image'
has 'and the log has it' "$(grep variant.failed "$dir/winnowd.log")" \
    'repository=docker.io/library/small .*no keep rule of small.yaml'

send() { python3 - "$dir/admin.sock" "$1" <<-'EOF'
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.sendall(sys.argv[2].encode())
	s.shutdown(socket.SHUT_WR) if not sys.argv[2].endswith("\n") else None
	s.settimeout(20)
	data = b""
	while (piece := s.recv(65536)):
	    data += piece
	print(data.decode())
	EOF
}
has 'what is no JSON is refused' "$(send $'nonsense\n')" '"type": *"error"'
has 'an unknown command is refused' "$(send $'{"command":"dance"}\n')" \
    'UNSUPPORTED|unsupported'
has 'a command without a name is refused' "$(send $'{}\n')" 'command'
is 'half a line gets no answer' "$(send '{"command":"sta')" ''

"$winnowd" -c "$dir/winnow.conf" > "$dir/second.log" 2>&1
check 'a second winnowd leaves the socket alone' admin status
stop winnowd
check 'the socket goes with winnowd' fails test -e "$dir/admin.sock"
out=$(admin status 2>&1)
has 'without winnowd the command says so' "$out" 'is it running'
finish
