#!/bin/bash
# A server process that is killed is replaced, and what the other serves goes
# on; one that is stopped answers nobody, and nobody else notices; one that
# hangs is killed and replaced.
. "$(dirname "$0")/lib.sh"

mkdir -p "$dir/layouts/library"
python3 "$tests/lib/tiny_layout.py" "$dir/layouts/library/big" 1 \
    $((64 << 20)) > "$dir/names" || bail 'cannot make an image'
layer=$(awk '$1 == "layer" { print $2 }' "$dir/names")
start_winnowd "oci:$dir/layouts"
url=http://$proxy/v2/big/blobs/$layer
answers "http://$proxy/v2/big/manifests/1" && answers "$url" ||
    bail 'cannot pull'

servers() { pgrep -P "${pids[winnowd]}" -f 'role server' | sort -n; }
# connections PID: how many clients a server has.
connections()
{
	ss -Htnp state established "sport = :${proxy##*:}" |
	    grep -c "pid=$1,"
}

# download N: under way for as long as there is no $dir/go, since nobody reads
# more than a pipe and two sockets hold of 64 MiB.
download()
{
	{
		curl -sS -N -D "$dir/head.$1" "$url" 2> "$dir/curl.$1"
		echo $? > "$dir/status.$1"
	} | {
		until [ -e "$dir/go" ]; do sleep 0.05; done
		cat > "$dir/blob.$1"
	}
}

# Downloads through both servers.
both_busy()
{
	local pid
	for pid in $(servers); do
		[ "$(connections "$pid")" -ge 1 ] || return 1
	done
}
downloads=0
until both_busy; do
	[ "$downloads" -lt 20 ] || bail 'all downloads are with one server'
	downloads=$((downloads + 1))
	download "$downloads" &
	wait_for 20 grep -q '^HTTP/1.1 200' "$dir/head.$downloads" ||
	    bail 'a download does not begin'
done
victim=$(servers | head -n 1)
other=$(servers | tail -n 1)
hit=$(connections "$victim")
kill -KILL "$victim"
replaced() { [ "$(servers | wc -l)" = 2 ] && [ "$(servers | head -n 1)" != "$victim" ]; }
check 'a killed server is replaced' wait_for 20 replaced
has 'and core says so' "$(cat "$dir/winnowd.log")" 'server.died .*killed|server.died .*signal 9'
answered() { for _ in $(seq 20); do answers "http://$proxy/v2/" || return 1; done; }
check 'new clients are served at once' answered
touch "$dir/go"
wait $(jobs -p | grep -v "${pids[winnowd]}")
whole=0 cut=0
for n in $(seq "$downloads"); do
	case $(cat "$dir/status.$n") in
	0) [ "sha256:$(sha256sum "$dir/blob.$n" | cut -c1-64)" = "$layer" ] &&
	    whole=$((whole + 1)) ;;
	18|56) cut=$((cut + 1)) ;; # partial file, or a reset
	esac
done
is 'its clients see a cut connection, those of the other nothing' \
    "$whole whole, $cut cut" "$((downloads - hit)) whole, $hit cut"
is 'the other server lives' "$(servers | grep -cx "$other")" 1

# Its clients go on where they were.
resume()
{
	local n
	for n in $(seq "$downloads"); do
		[ "$(cat "$dir/status.$n")" != 0 ] || continue
		curl -sS -C - -o "$dir/blob.$n" "$url" || return 1
		[ "sha256:$(sha256sum "$dir/blob.$n" | cut -c1-64)" = "$layer" ] ||
		    return 1
	done
}
check 'a cut download is resumed by range' resume

# A stopped server: the kernel gives it its share of new connections.
stopped=$(servers | head -n 1)
kill -STOP "$stopped"
one_served() { curl -fsS -m 1 -o /dev/null "http://$proxy/v2/"; }
check 'the other one still serves' wait_for 5 one_served
kill -CONT "$stopped"
check 'continued, it serves all again' wait_for 10 answered
stopped=$(servers | head -n 1)
kill -STOP "$stopped"
kill -KILL "$stopped"
gone_again() { [ "$(servers | wc -l)" = 2 ] && ! servers | grep -qx "$stopped"; }
check 'killed while stopped, it is replaced' wait_for 20 gone_again
check 'and everybody is served' wait_for 10 answered

# One that hangs, here for ever, is noticed: after half a minute, and not before.
died() { grep -c server.died "$dir/winnowd.log"; }
hung() { grep "server.hung .*pid=$stopped .*silent_s=30" "$dir/winnowd.log"; }
check 'none was taken for one that hangs' fails grep server.hung "$dir/winnowd.log"
before=$(died)
stopped=$(servers | head -n 1)
start=$(date +%s)
kill -STOP "$stopped"
check 'a server that hangs is killed and replaced' wait_for 60 gone_again
kill -KILL "$stopped" 2> /dev/null # else nothing below would end
check 'core says why' hung
note "after $(($(date +%s) - start)) s"
check 'it was given half a minute' test $(($(date +%s) - start)) -ge 25
is 'the other one was let alone' "$(($(died) - before))" 1
check 'and everybody is served once more' wait_for 10 answered
finish
