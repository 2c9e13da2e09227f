#!/bin/bash
# What winnowd tells its service manager: a scripted receiver stands for
# systemd, and writes what it gets to a file.
. "$(dirname "$0")/lib.sh"

small_policies
cat > "$dir/receiver.py" <<-'EOF'
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	while True:
	    print(s.recv(4096).decode().replace("\n", " "), flush=True)
	EOF
mkdir -p "$dir/layouts"
winnowd_config "oci:$dir/layouts"
mkdir -p "$dir/store"
start manager python3 "$dir/receiver.py" "$dir/notify"
wait_for 20 test -S "$dir/notify" || bail 'no receiver'
said() { grep -q "$1" "$dir/manager.log"; }
times() { grep -c "$1" "$dir/manager.log"; }

export NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=200000
start winnowd "$winnowd" -c "$dir/winnow.conf"
unset NOTIFY_SOCKET WATCHDOG_USEC
check 'READY=1 with a status' wait_for 20 said '^READY=1 STATUS=serving'
check 'it answers by then' answers "http://$proxy/v2/"
is 'READY=1 came once' "$(times READY=1)" 1
check 'pings come from the loop' wait_for 20 eval '[ "$(times WATCHDOG=1)" -ge 3 ]'
child_knows() { tr '\0' '\n' < "/proc/$1/environ" | grep -qE '^(NOTIFY|WATCHDOG)_'; }
# A new one has the environment of core until it is winnowd again.
none_knows()
{
	local child
	for child in $(pgrep -P "${pids[winnowd]}"); do
		child_knows "$child" && return 1
	done
	return 0
}
check 'no child knows the manager' wait_for 10 none_knows

# A stopped loop is what the watchdog is for.
stands_still() { grep -q '^State:.T' "/proc/${pids[winnowd]}/status"; }
kill -STOP "${pids[winnowd]}"
check 'it stands still' wait_for 20 stands_still
python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"until here", sys.argv[1])' \
    "$dir/notify"
check 'and all it said is read' wait_for 20 said '^until here'
before=$(times WATCHDOG=1)
sleep 1
is 'a second later it is still the same' "$(times WATCHDOG=1)" "$before"
kill -CONT "${pids[winnowd]}"
check 'and pings again' wait_for 20 eval "[ \$(times WATCHDOG=1) -gt $before ]"

kill -HUP "${pids[winnowd]}"
check 'a reload is announced' wait_for 20 said '^RELOADING=1 MONOTONIC_USEC=[0-9]'
check 'and ends with READY=1' wait_for 20 eval '[ "$(times READY=1)" = 2 ]'
echo 'kepp: []' > "$policies/bad.yaml"
kill -HUP "${pids[winnowd]}"
check 'one that fails too, and says so' wait_for 20 said 'READY=1 STATUS=.*reload failed'

kill "${pids[winnowd]}"
check 'STOPPING=1' wait_for 20 said '^STOPPING=1'
check 'and it stops' wait_for 20 gone "${pids[winnowd]}"

need systemd-analyze
units=$top_builddir/systemd
unit=$dir/winnowd.service
# verify wants the programs where the unit says they are.
sed -e "s|^ExecStart=[^ ]*|ExecStart=$winnowd|" \
    -e "s|^ExecReload=[^ ]*|ExecReload=$winnow|" \
    "$units/winnowd.service" > "$unit"
cp "$units/winnowd.socket" "$dir"
out=$(systemd-analyze verify --man=no "$unit" "$dir/winnowd.socket" 2>&1)
is 'systemd-analyze verify has nothing to say' "$out" ''
out=$(systemd-analyze security --offline=yes --no-pager "$unit" 2>&1 | tail -n 1)
note "$out"
has 'systemd-analyze security is content' "$out" \
    'exposure level for winnowd.service: [01]\.[0-9] OK'
check 'every directive is explained: a comment stands before each group' \
    awk '/^\[/ { group = 0 } /^$/ { group = 0 } /^#/ { group = 1 }
    /^[A-Z].*=/ && !group && !/^(Description|Documentation|Wants|WantedBy|ListenStream|FileDescriptorName|Service)=/ {
	print; bad = 1 } END { exit bad }' "$units/winnowd.service"
finish
