# Mosquitto for policies-serve.sh: passwords, TLS, WebSockets, a volume over two
# starts, the plugin, a reload.
# shellcheck shell=bash disable=SC2154

# mosquitto_original PROGRAM...: a client, or what makes files, of the original.
mosquitto_original()
{
	dock run --rm --network host --user 1883 -v "$dir/tls:/tls:ro" \
	    -v "$dir/mosquitto:/files" "$proxy/original/eclipse-mosquitto:2" "$@"
}

# mosquitto_password NAME PASSWORD
mosquitto_password()
{
	mosquitto_original mosquitto_passwd -b /files/passwords "$@"
}

# mqtt NAME PASSWORD pub|sub OPTION...: as that user, over TLS.
mqtt()
{
	mosquitto_original "mosquitto_$3" -h localhost -p "$secure" \
	    --cafile /tls/ca.pem -u "$1" -P "$2" "${@:4}"
}

# mosquitto_config [LINE...]: three listeners.
mosquitto_config()
{
	cat > "$dir/mosquitto/mosquitto.conf" <<-EOF
	listener $service 127.0.0.1
	listener $secure 127.0.0.1
	certfile /tls/cert.pem
	keyfile /tls/key.pem
	listener $web 127.0.0.1
	protocol websockets
	allow_anonymous false
	persistence true
	persistence_location /mosquitto/data/
	log_dest stderr
	log_dest file /mosquitto/log/mosquitto.log
	log_timestamp_format %Z
	EOF
	printf '%s\n' "$@" >> "$dir/mosquitto/mosquitto.conf"
}

run_mosquitto()
{
	run_image "$1" eclipse-mosquitto:2 "${least[@]}" -e TZ=Asia/Tokyo \
	    -v "$dir/mosquitto:/mosquitto/config:ro" -v "$dir/tls:/tls:ro" \
	    -v mosquitto-data:/mosquitto/data
}

is_web_socket()
{
	curl -sS -m 2 -o /dev/null -D - -H 'Connection: Upgrade' \
	    -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
	    -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \
	    -H 'Sec-WebSocket-Protocol: mqtt' "http://127.0.0.1:$web/mqtt" |
	    grep '^HTTP/1.1 101'
	# The connection stays open until curl gives it up.
	[ "${PIPESTATUS[*]}" = '28 0' ]
}

try_eclipse-mosquitto()
{
	local secure web
	make_tls_files
	pulled eclipse-mosquitto 2
	secure=$(free_port) web=$(free_port)
	install -d -o 1883 -g 1883 "$dir/mosquitto"
	install -o 1883 -g 1883 -m 600 /dev/null "$dir/mosquitto/passwords"
	mosquitto_config 'password_file /mosquitto/config/passwords'
	check 'mosquitto: the original makes a password' \
	    mosquitto_password alice secret
	check 'mosquitto: it starts on a new volume' run_mosquitto mosquitto
	check 'mosquitto: it takes a message over TLS' wait_for 60 \
	    mqtt alice secret pub -t news -r -q 2 -m 'grüezi'
	is 'mosquitto: and gives it' \
	    "$(mqtt alice secret sub -t news -C 1 -W 30)" 'grüezi'
	has 'mosquitto: it refuses who it does not know' \
	    "$(mqtt bob secret pub -t news -m no 2>&1)" 'not authori[sz]ed'
	check 'mosquitto: WebSockets' is_web_socket
	has 'mosquitto: the user' "$(dock top mosquitto -o pid,uid,args)" \
	    ' 1883 +/usr/sbin/mosquitto'
	has 'mosquitto: its log is the output, with its zone' \
	    "$(dock logs mosquitto 2>&1)" "^JST: .*u'alice'"
	check 'mosquitto: the original makes another' \
	    mosquitto_password bob secret
	check 'mosquitto: it is told to reload' dock kill -s HUP mosquitto
	check 'mosquitto: it has read the passwords' wait_for 60 \
	    mqtt bob secret pub -t news -m yes
	check 'mosquitto: no shell answers' fails dock exec mosquitto sh -c true
	check 'mosquitto: it stops' dock stop -t 30 mosquitto
	has 'mosquitto: as it should' "$(dock logs mosquitto 2>&1)" \
	    'terminating'
	check 'mosquitto: the original makes users of the plugin' \
	    mosquitto_original mosquitto_ctrl dynsec init \
	    /files/users.json admin secret
	mosquitto_config 'plugin /usr/lib/mosquitto_dynamic_security.so' \
	    'plugin_opt_config_file /mosquitto/config/users.json'
	check 'mosquitto: it starts with the plugin' run_mosquitto mosquitto-2
	check 'mosquitto: and asks that' wait_for 60 dynsec listClients
	dynsec addRoleACL admin subscribePattern news allow 1
	dynsec addRoleACL admin publishClientReceive news allow 1
	is 'mosquitto: what it kept' \
	    "$(mqtt admin secret sub -t news -C 1 -W 30)" 'grüezi'
	check 'mosquitto: it stops' dock stop -t 30 mosquitto-2
}

dynsec()
{
	mosquitto_original mosquitto_ctrl -h localhost -p "$secure" \
	    --cafile /tls/ca.pem -u admin -P secret dynsec "$@"
}
