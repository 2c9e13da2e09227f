#!/bin/bash
# The access log as JSON in a file of its own: every line can be parsed
# whatever clients send, rotation loses none, and the id in a client's error
# finds its line.
. "$(dirname "$0")/lib.sh"
need jq

log=$dir/access.json
mkdir "$dir/layouts"
start_winnowd oci:"$dir/layouts" 'access_log: json' "access_log_file: $log"
get() { curl -sS -o "$dir/body" --path-as-is "$@"; }
lines_with() { cat "$log"* | jq -c "select($1)" | wc -l; }
seen() { [ "$(lines_with "$1")" = "$2" ]; }
is_json() { jq -es 'all(.[]; .event and .id and .time and (.ms | numbers >= 0))' "$@"; }

get "http://$proxy/v2/docker.io/library/none/manifests/latest"
id=$(jq -r '.errors[0].detail.id' "$dir/body")
message=$(jq -r '.errors[0].message' "$dir/body")
check 'the id in an error finds its line' wait_for 10 seen ".id == \"$id\"" 1
line=$(jq -c "select(.id == \"$id\")" "$log")
is 'with the status as a number' "$(jq .status <<< "$line")" 404
is 'and what the client was told' "$(jq -r .error <<< "$line")" "$message"
check "as core's line about it has it" wait_for 10 \
    grep -qF "code=not-found error=\"$message\"" "$dir/winnowd.log"

agent=$'a"b\\c\x01\xff\xc3\xa4'
get -g -A "$agent" -u 'who:s3cret' "http://$proxy/v2/"$'\xff"{}\\'
check 'hostile bytes are in the log' wait_for 10 seen \
    '.agent == "a\"b\\x5cc\\x01\\xff\\xc3\\xa4"' 1
get -A "$(head -c 9000 /dev/zero | tr '\0' '"')" "http://$proxy/v2/long"
check 'and lines that are too long' wait_for 10 seen '.path == "/v2/long"' 1
check 'every line is JSON' is_json "$log"
check 'no password is there' fails grep -q 's3cret' "$log"
check 'nor is there anything on standard error' \
    fails grep -q 'request\.' "$dir/winnowd.log"

# Requests go on while the file is renamed and winnowd told.
many()
{
	until [ -e "$dir/enough" ]; do
		curl -sS -o /dev/null -A many "http://$proxy/v2/?[1-20]" &&
		    echo >> "$dir/twenties"
	done
}
many &
requests=$!
wait_for 10 grep -q '"many"' "$log"
for i in 1 2 3; do
	mv "$log" "$log.$i"
	kill -HUP "${pids[winnowd]}"
	check "SIGHUP makes a new file ($i)" wait_for 10 test -e "$log"
	check 'which is written to' wait_for 10 grep -q '"many"' "$log"
done
touch "$dir/enough"
wait "$requests"
check 'no line is lost' wait_for 10 seen '.agent == "many"' \
    $((20 * $(wc -l < "$dir/twenties")))
get -A last "http://$proxy/v2/"
check 'what comes later is in the new file' wait_for 10 grep -q '"last"' "$log"
check 'still every line is JSON' is_json "$log" "$log".?

# A file that cannot be opened leaves the old one.
sed -i "s,^access_log_file:.*,access_log_file: $dir/none/x," "$dir/winnow.conf"
kill -HUP "${pids[winnowd]}"
check 'a file that cannot be opened is named' wait_for 10 \
    grep -q "access_log\.failed.*$dir/none/x" "$dir/winnowd.log"
get -A kept "http://$proxy/v2/"
check 'and the old one goes on' wait_for 10 grep -q '"kept"' "$log"

# Off, and key=value on standard error, at a reload.
sed -i '/^access_log/d' "$dir/winnow.conf"
kill -HUP "${pids[winnowd]}"
back() { get -A back "http://$proxy/v2/"; grep -q 'request\.done .*agent=back' "$dir/winnowd.log"; }
check 'without a file it is on standard error' wait_for 10 back
finish
