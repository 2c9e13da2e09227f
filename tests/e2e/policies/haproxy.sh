# HAProxy: TLS, HTTP/2, its error page, the stats socket, a reload.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

# haproxy_config [LINE...]: TLS in front of the web server of this machine.
haproxy_config()
{
	cat <<-EOF
	global
	    log stdout format raw local0
	    stats socket /run/haproxy/admin mode 600 level admin
	    maxconn 100
	defaults
	    mode http
	    log global
	    option httplog
	    timeout connect 5s
	    timeout client 30s
	    timeout server 30s
	    errorfile 503 /usr/local/etc/haproxy/errors/503.http
	frontend tls
	    bind 127.0.0.1:$service ssl crt /tls/both.pem alpn h2,http/1.1
	    use_backend none if { path /none }
	    default_backend web
	backend web
	    server one localhost:$web check
	backend none
	EOF
	[ $# = 0 ] || printf '    %s\n' "$@"
}

# haproxy_says COMMAND: the answer of the stats socket.
haproxy_says()
{
	python3 - "$dir/haproxy.run/admin" "$1" <<-'EOF'
	import socket, sys
	admin = socket.socket(socket.AF_UNIX)
	admin.settimeout(20)
	admin.connect(sys.argv[1])
	admin.sendall(sys.argv[2].encode() + b"\n")
	while data := admin.recv(4096):
	    print(data.decode(), end="")
	EOF
}

try_haproxy()
{
	make_tls_files
	start_web
	pulled haproxy lts
	install -d -o 99 -g 99 "$dir/haproxy.run"
	haproxy_config > "$dir/haproxy.cfg"
	check 'haproxy: it starts' run_image haproxy haproxy:lts "${least[@]}" \
	    -v "$dir/haproxy.run:/run/haproxy" -v "$dir/tls:/tls:ro" \
	    -v "$dir/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"
	check 'haproxy: it serves' wait_for 60 over_tls "$service" / -f
	is 'haproxy: the server behind it' "$(over_tls "$service" /)" \
	    'from behind'
	is 'haproxy: HTTP/2' "$(over_tls "$service" / -o /dev/null \
	    -w '%{http_version}')" 2
	has 'haproxy: its error page' "$(over_tls "$service" /none)" \
	    'No server is available'
	has 'haproxy: its log is the output' "$(dock logs haproxy 2>&1)" \
	    'tls~ web/one .*"GET https://localhost'
	has 'haproxy: the stats socket' "$(haproxy_says 'show info')" \
	    'Name: HAProxy'
	has 'haproxy: the user' "$(dock top haproxy -o pid,uid,args)" \
	    ' 99 +haproxy'
	haproxy_config 'http-after-response set-header X-New yes' > "$dir/haproxy.cfg"
	check 'haproxy: a configuration is checked' dock exec haproxy \
	    haproxy -c -f /usr/local/etc/haproxy/haproxy.cfg
	check 'haproxy: it is told to reload' dock kill -s USR2 haproxy
	check 'haproxy: it has reloaded' wait_for 60 has_new_header
	check 'haproxy: it stops on its stop signal' dock stop -t 30 haproxy
	is 'haproxy: and cleanly' "$(dock inspect -f '{{.State.ExitCode}}' \
	    haproxy)" 0
}

has_new_header() { over_tls "$service" /none -I | grep -qi '^x-new: yes'; }
