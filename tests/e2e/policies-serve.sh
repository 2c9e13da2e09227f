#!/bin/bash
# The shipped policies: each variant has no shell, starts and serves a real
# client; where there is a volume, on what the original has put there.
#
# PROGRAMS says which (redis, python); `make check-long` asks for all.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

read -ra programs <<< "${PROGRAMS:-redis python}"
[ "${programs[*]}" != all ] || programs=(redis python memcached nginx mariadb
    eclipse-temurin httpd haproxy valkey node php rabbitmq)
need curl openssl
[[ " ${programs[*]} " != *' php '* ]] || need nginx
[[ " ${programs[*]} " != *' rabbitmq '* ]] || need amqp-get

# repository PROGRAM: as the default upstream has it, library/ or not.
repository() { [ "$1" = valkey ] && echo valkey/valkey || echo "library/$1"; }

# The layouts of all images as one upstream.
mkdir -p "$dir/upstream/library" "$dir/upstream/valkey"
for program in "${programs[@]}"; do
	ln -s "$(image_layouts "$program")/$(repository "$program")" \
	    "$dir/upstream/$(repository "$program")"
done

# The shipped policies, and those beside this file.
mkdir "$dir/policies.d"
cp "${policies:-$top_srcdir/conf/policies.d}"/*.yaml \
    "$tests/e2e/rabbitmq.yaml" "$dir/policies.d"
cat > "$dir/policies.d/bare.yaml" <<-'EOF'
repository: bare/redis
source: docker.io/library/redis
keep: [/usr/local/bin/redis-server]
config: { entrypoint: [redis-server] }
EOF
policies=$dir/policies.d
start_dockerd
start_winnowd "oci:$dir/upstream"

# run_image NAME IMAGE [OPTION...] [-- ARGUMENT...]: in the background, with
# as few rights as it needs, on the port $service.
run_image()
{
	local name=$1 image=$2 options=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
	[ $# = 0 ] || shift
	service=${service:-$(free_port)}
	dock run -d --name "$name" --network host "${options[@]}" \
	    "$proxy/$image" "$@"
}

least=(--read-only --tmpfs /tmp --cap-drop ALL)

# pulled NAME TAG: the variant is here, and is what it should be.
pulled()
{
	local image
	image=$(repository "$1"):$2
	image=$proxy/${image#library/}
	service=$(free_port)
	check "$1: the variant is pulled" dock pull -q "$image"
	check "$1: the log says what it is" grep -q \
	    "image.built .*$1.*distroless=yes warnings=${warnings:-0} hints=0" \
	    "$dir/winnowd.log"
	docker_root "$image" "$dir/$1.root"
	check "$1: no shell is there" no_program "$dir/$1.root"
}

# no_program ROOT: nothing to run but what the image is for (Python, Java).
no_program()
{
	! find "$1" \( -name '*sh' -o -name busybox -o -name 'apt*' -o \
	    -name dpkg -o -name perl -o -name curl -o -name pip -o \
	    -name 'npm*' -o -name yarn -o -name php \) \
	    -type f -perm /111 | grep .
}

redis_cli() { dock run --rm --network host "$proxy/original/redis:7" \
    redis-cli -p "$service" "$@"; }

# What a policy has not thought of is in the log before anybody misses it.
bare_redis()
{
	curl -sS -H "Accept: $accept" -o "$dir/bare.json" \
	    "http://$proxy/v2/bare/redis/manifests/7"
	has 'redis: without sets it is built' "$(cat "$dir/bare.json")" \
	    '"schemaVersion"'
	check 'redis: the log counts what it will miss' grep -q \
	    'image.built .*distroless=yes warnings=0 hints=[1-9]' \
	    "$dir/winnowd.log"
	check 'redis: and says what' grep -q 'image.hint .*C\.UTF-8' \
	    "$dir/winnowd.log"
}

try_redis()
{
	local volume=(-v "$dir/redis.data:/data")
	mkdir -p "$dir/redis.data"
	pulled redis 7
	bare_redis
	check 'redis: the original serves a new volume' run_image first \
	    original/redis:7 "${volume[@]}" -- redis-server --port "$service"
	check 'redis: it answers' wait_for 60 redis_cli ping
	is 'redis: it writes' "$(redis_cli set key value)" OK
	check 'redis: it saves and stops' dock stop first
	check 'redis: the variant starts on the volume' run_image redis \
	    redis:7 "${least[@]}" "${volume[@]}" \
	    -- redis-server --port "$service"
	check 'redis: it answers' wait_for 60 redis_cli ping
	is 'redis: what the original wrote' "$(redis_cli get key)" value
	is 'redis: Lua' "$(redis_cli eval 'return cjson.encode({1,2})' 0)" '[1,2]'
	is 'redis: it saves' "$(redis_cli save)" OK
	check 'redis: no shell answers' fails dock exec redis sh -c true
	check 'redis: it stops' dock stop redis
}

try_python()
{
	pulled python 3
	is 'python: numpy works' "$(dock run --rm "${least[@]}" \
	    "$proxy/python:3")" 'solved: 2.0 3.0 fft: 28.0'
}

# memcached_says TEXT: the first line of the answer.
memcached_says()
{
	local line
	exec 7<> "/dev/tcp/127.0.0.1/$service" || return
	printf '%s\r\n' "$1" >&7
	read -r -t 10 line <&7
	exec 7>&-
	echo "${line%$'\r'}"
}

try_memcached()
{
	pulled memcached 1
	check 'memcached: it starts' run_image memcached memcached:1 \
	    "${least[@]}" -- memcached -p "$service"
	check 'memcached: it answers' wait_for 60 memcached_says version
	is 'memcached: it stores' \
	    "$(memcached_says $'set k 0 60 5\r\nhello')" STORED
	is 'memcached: it finds' "$(memcached_says 'get k')" 'VALUE k 0 5'
}

try_nginx()
{
	pulled nginx 1
	printf 'server { listen 127.0.0.1:%s; root /usr/share/nginx/html;%s }\n' \
	    "$service" ' aio threads;' > "$dir/default.conf"
	check 'nginx: it starts' run_image nginx nginx:1 \
	    -v "$dir/default.conf:/etc/nginx/conf.d/default.conf:ro"
	check 'nginx: it serves' wait_for 60 answers "http://127.0.0.1:$service/"
	has 'nginx: its page' "$(curl -sS "http://127.0.0.1:$service/")" \
	    'Welcome to nginx'
	has 'nginx: its log is the output' "$(dock logs nginx 2>&1)" 'GET / HTTP'
	check 'nginx: the stream module loads' dock exec nginx nginx -t
	check 'nginx: it stops on its stop signal' dock stop -t 30 nginx
	check 'nginx: and its threads end' lacks "$(dock logs nginx 2>&1)" \
	    'libgcc_s|exited on signal'
}

sql()
{
	dock run --rm --network host "$proxy/original/mariadb:10" mariadb \
	    -h 127.0.0.1 -P "$service" -u root -psecret -N -e "$1"
}

try_mariadb()
{
	local volume=(-v "$dir/mariadb.data:/var/lib/mysql")
	mkdir -p "$dir/mariadb.data"
	pulled mariadb 10
	check 'mariadb: the original serves a new volume' run_image first-db \
	    original/mariadb:10 -e MARIADB_ROOT_PASSWORD=secret \
	    "${volume[@]}" -- --port "$service"
	check 'mariadb: it answers' wait_for 120 sql 'select 1'
	check 'mariadb: it writes' sql 'create database shop;
	create table shop.item (id int primary key, name varchar(20));
	insert into shop.item values (1, "one"), (2, "zwölf")'
	check 'mariadb: it stops' dock stop -t 60 first-db
	check 'mariadb: the variant starts on the volume' run_image mariadb \
	    mariadb:10 "${least[@]}" --tmpfs /run/mysqld:mode=1777 \
	    "${volume[@]}" -- --port "$service"
	check 'mariadb: it answers' wait_for 120 sql 'select 1'
	is 'mariadb: what the original wrote' \
	    "$(sql 'select name from shop.item where id = 2')" 'zwölf'
	is 'mariadb: collations and functions' "$(sql \
	    'select upper("ö"), regexp_replace("abc", "b", "x")')" $'Ö\taxc'
	check 'mariadb: no shell answers' fails dock exec mariadb sh -c true
	check 'mariadb: it stops' dock stop -t 60 mariadb
	has 'mariadb: and shut down cleanly' "$(dock logs mariadb 2>&1)" \
	    'Shutdown complete'
}

# Two of Java's libraries need what the image does not have.
try_eclipse-temurin()
{
	local warnings=2
	pulled eclipse-temurin 21-jre
	has 'java: it runs' "$(dock run --rm "${least[@]}" \
	    "$proxy/eclipse-temurin:21-jre" 2>&1)" 'openjdk version "21'
	has 'java: its modules' "$(dock run --rm "${least[@]}" \
	    "$proxy/eclipse-temurin:21-jre" java --list-modules)" 'java.sql@21'
}

# certificate: $dir/tls with cert.pem and key.pem for localhost, in both.pem.
certificate()
{
	[ ! -d "$dir/tls" ] || return 0
	mkdir "$dir/tls"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
	    -addext subjectAltName=DNS:localhost -keyout "$dir/tls/key.pem" \
	    -out "$dir/tls/cert.pem" 2> "$dir/openssl.out" || bail 'no certificate'
	cat "$dir/tls/cert.pem" "$dir/tls/key.pem" > "$dir/tls/both.pem"
	chmod 644 "$dir"/tls/*.pem
}

# over_tls PORT PATH [OPTION...]: what curl gets there.
over_tls()
{
	local port=$1 path=$2
	shift 2
	curl -sS --cacert "$dir/tls/cert.pem" "$@" "https://localhost:$port$path"
}

# A web server of this machine, for proxies; $web is its port.
start_web()
{
	[ -z "${web:-}" ] || return 0
	web=$(free_port)
	mkdir "$dir/web"
	echo 'from behind' > "$dir/web/index.html"
	start_ready web 20 answers "http://127.0.0.1:$web/" -- \
	    python3 -m http.server --bind 127.0.0.1 --directory "$dir/web" "$web"
}

# httpd_config [LINE...]: a server with and one without TLS.
httpd_config()
{
	local module
	cat <<-EOF
	ServerRoot "/usr/local/apache2"
	PidFile logs/httpd.pid
	ServerName localhost
	Listen 127.0.0.1:$service
	Listen 127.0.0.1:$secure
	EOF
	for module in mpm_event authn_core authz_core mime dir alias http2 \
	    ssl socache_shmcb proxy proxy_http ldap dbd session \
	    session_cookie session_crypto; do
		echo "LoadModule ${module}_module modules/mod_$module.so"
	done
	cat <<-EOF
	User www-data
	Group www-data
	DocumentRoot htdocs
	DirectoryIndex index.html
	TypesConfig conf/mime.types
	ErrorLog /proc/self/fd/2
	LogFormat "%h \"%r\" %>s" common
	CustomLog /proc/self/fd/1 common
	CustomLog "|bin/rotatelogs /tmp/access 86400" common
	Protocols h2 http/1.1
	DBDriver sqlite3
	DBDParams /tmp/access.db
	LDAPTrustedGlobalCert CA_BASE64 /tls/cert.pem
	Session On
	SessionCookieName session path=/
	SessionCryptoPassphrase secret
	ProxyPass /api/ http://127.0.0.1:$web/
	<VirtualHost 127.0.0.1:$secure>
	    SSLEngine on
	    SSLCertificateFile /tls/cert.pem
	    SSLCertificateKeyFile /tls/key.pem
	</VirtualHost>
	EOF
	[ $# = 0 ] || printf '%s\n' "$@"
}

# Modules, drivers, a process for a log, and threads that end.
try_httpd()
{
	local secure
	certificate
	start_web
	pulled httpd 2.4
	secure=$(free_port)
	httpd_config > "$dir/httpd.conf"
	check 'httpd: it starts' run_image httpd httpd:2.4 "${least[@]}" \
	    --cap-add SETUID --cap-add SETGID --cap-add KILL \
	    --tmpfs /usr/local/apache2/logs -v "$dir/tls:/tls:ro" \
	    -v "$dir/httpd.conf:/usr/local/apache2/conf/httpd.conf:ro"
	check 'httpd: it serves' wait_for 60 answers "http://127.0.0.1:$service/"
	has 'httpd: its page' "$(over_tls "$secure" /)" 'It works'
	is 'httpd: HTTP/2 over TLS' "$(over_tls "$secure" / -o /dev/null \
	    -w '%{http_version}')" 2
	is 'httpd: a server behind it' "$(over_tls "$secure" /api/)" 'from behind'
	has 'httpd: its log is the output' "$(dock logs httpd 2>&1)" \
	    'GET /api/ HTTP/2'
	has 'httpd: a process for a log' "$(dock top httpd)" 'rotatelogs'
	has 'httpd: workers are www-data' "$(dock top httpd -o pid,uid,args)" \
	    ' 33 +httpd'
	httpd_config 'Redirect /old /new' > "$dir/httpd.conf"
	check 'httpd: it is told to reload' dock kill -s USR1 httpd
	check 'httpd: it has reloaded' wait_for 60 is_moved "$secure" /old
	check 'httpd: it stops on its stop signal' dock stop -t 30 httpd
	has 'httpd: and gracefully' "$(dock logs httpd 2>&1)" 'caught SIGWINCH'
	check 'httpd: no worker has died' lacks "$(dock logs httpd 2>&1)" \
	    'libgcc_s|exit signal'
}

is_moved() { [ "$(over_tls "$@" -o /dev/null -w '%{http_code}')" = 302 ]; }

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
	certificate
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

valkey_cli()
{
	dock run --rm --network host -v "$dir/tls:/tls:ro" \
	    "$proxy/original/valkey/valkey:8" valkey-cli -h localhost \
	    -p "$service" --tls --cacert /tls/cert.pem --cert /tls/cert.pem \
	    --key /tls/key.pem "$@"
}

# The official command over a volume that appends, TLS alone, twice.
try_valkey()
{
	local options=(-v valkey-data:/data -v "$dir/tls:/tls:ro")
	local arguments
	certificate
	pulled valkey 8
	arguments=(valkey-server --appendonly yes --port 0 --tls-port "$service"
	    --tls-cert-file /tls/cert.pem --tls-key-file /tls/key.pem
	    --tls-ca-cert-file /tls/cert.pem)
	check 'valkey: it starts on a new volume' run_image valkey \
	    valkey/valkey:8 "${least[@]}" "${options[@]}" -- "${arguments[@]}"
	check 'valkey: it answers over TLS' wait_for 60 valkey_cli ping
	is 'valkey: it writes' "$(valkey_cli set key value)" OK
	is 'valkey: Lua' "$(valkey_cli eval 'return cjson.encode({1,2})' 0)" \
	    '[1,2]'
	has 'valkey: it forks and writes a dump' "$(valkey_cli bgsave)" 'started'
	has 'valkey: the user' "$(dock top valkey -o pid,uid,args)" \
	    ' 999 +valkey'
	check 'valkey: it is killed' dock kill valkey
	check 'valkey: it starts again' run_image valkey-again valkey/valkey:8 \
	    "${least[@]}" "${options[@]}" -- "${arguments[@]}"
	check 'valkey: it answers' wait_for 60 valkey_cli ping
	is 'valkey: what it wrote' "$(valkey_cli get key)" value
	is 'valkey: a name of Redis' "$(dock run --rm "$proxy/valkey/valkey:8" \
	    redis-sentinel --version | cut -d' ' -f1-2)" 'Valkey server'
	has 'valkey: no shell answers' \
	    "$(dock exec valkey-again sh -c true 2>&1)" '"sh": .*not found'
	check 'valkey: it stops' dock stop valkey-again
}

# as_original NAME URL SHELL: the image's application says what it says in the
# original, but for a shell, of which it says SHELL.
as_original()
{
	local original=$dir/$1.original
	[ -s "$original" ] &&
	    lacks "$(cat "$original")" 'FAILED|Warning' &&
	    same "$(curl -sS "$2")" \
		"$(sed "s/^shell: there$/shell: $3/" "$original")"
}

run_node()
{
	run_image "$1" "$2" "${least[@]}" -v "$dir/tls:/tls:ro" \
	    -e PORT="$service" -e TLS_PORT="$tls" -e TLS_DIR=/tls \
	    -- node server.js
}

try_node()
{
	local tls url
	certificate
	pulled node 18
	tls=$(free_port) url=http://127.0.0.1:$service
	check 'node: the original starts' run_node first-node original/node:18
	check 'node: it answers' wait_for 60 answers "$url/ping"
	curl -sS "$url/" > "$dir/node.original"
	check 'node: it stops' dock stop first-node
	check 'node: the variant starts' run_node node node:18
	check 'node: it answers' wait_for 60 answers "$url/ping"
	check 'node: http, TLS, ICU, threads, children as in the original' \
	    as_original node "$url/" ENOENT
	is 'node: https' "$(curl -sS --cacert "$dir/tls/cert.pem" \
	    "https://localhost:$tls/ping")" pong
	check 'node: it stops' dock stop node
}

# The web server before PHP; it answers 502 until that is there.
start_php_nginx()
{
	cat > "$dir/php-nginx.conf" <<-EOF
	daemon off;
	pid $dir/php-nginx.pid;
	error_log stderr;
	events {}
	http {
	    access_log off;
	    client_body_temp_path $dir/php-nginx.body;
	    server {
	        listen 127.0.0.1:$1;
	        location / {
	            include /etc/nginx/fastcgi_params;
	            fastcgi_param SCRIPT_FILENAME /var/www/html/index.php;
	            fastcgi_pass 127.0.0.1:$service;
	        }
	    }
	}
	EOF
	start php-nginx nginx -c "$dir/php-nginx.conf"
}

run_php()
{
	run_image "$1" "$2" --read-only --tmpfs /tmp \
	    -v "$dir/zzz.conf:/usr/local/etc/php-fpm.d/zzz.conf:ro" "${@:3}"
}

try_php()
{
	local url web
	pulled php 8.2-fpm
	web=$(free_port) url=http://127.0.0.1:$web
	printf '[www]\nlisten = 127.0.0.1:%s\n' "$service" > "$dir/zzz.conf"
	start_php_nginx "$web"
	check 'php: the original starts' run_php first-php original/php:8.2-fpm
	check 'php: it answers' wait_for 60 answers "$url/"
	curl -sS "$url/" > "$dir/php.original"
	check 'php: it stops' dock stop first-php
	check 'php: the variant starts' run_php php php:8.2-fpm
	check 'php: it answers' wait_for 60 answers "$url/"
	check 'php: its modules, iconv and locales as in the original' \
	    as_original php "$url/" none
	has 'php: its log is the output' "$(dock logs php 2>&1)" '"GET /" 200'
	check 'php: it stops on its stop signal' dock stop -t 30 php
	check 'php: without root and capabilities' run_php php-least \
	    php:8.2-fpm --cap-drop ALL --user www-data
	check 'php: it answers' wait_for 60 answers "$url/"
	check 'php: it stops' dock stop -t 30 php-least
}

amqp()
{
	"amqp-$1" -s 127.0.0.1 --port="$service" --username=guest \
	    --password=guest "${@:2}"
}

run_rabbitmq()
{
	run_image "$1" "$2" --hostname localhost -e ERL_EPMD_PORT="$epmd" \
	    -e RABBITMQ_NODE_PORT="$service" -e RABBITMQ_DIST_PORT="$nodes" \
	    -e RABBITMQ_NODENAME=rabbit@localhost \
	    -v "$dir/rabbitmq.data:/var/lib/rabbitmq" "${@:3}"
}

try_rabbitmq()
{
	local epmd nodes
	pulled rabbitmq 3
	epmd=$(free_port) nodes=$(free_port)
	mkdir -p "$dir/rabbitmq.data"
	check 'rabbitmq: the original starts' run_rabbitmq first-rabbit \
	    original/rabbitmq:3
	check 'rabbitmq: it has a queue' wait_for 60 \
	    amqp declare-queue -q orders -d
	check 'rabbitmq: it takes a message' amqp publish -r orders -p -b first
	check 'rabbitmq: it stops' dock stop -t 60 first-rabbit
	check 'rabbitmq: the variant starts on the volume' run_rabbitmq \
	    rabbitmq rabbitmq:3 "${least[@]}" --tmpfs /var/log/rabbitmq:mode=1777 \
	    -- -erl_epmd_port "$nodes"
	check 'rabbitmq: it takes a message' wait_for 60 \
	    amqp publish -r orders -p -b second
	is 'rabbitmq: what the original took' "$(amqp get -q orders)" first
	is 'rabbitmq: what the variant took' "$(amqp get -q orders)" second
	has 'rabbitmq: without the monitor of the disk, as its policy says' \
	    "$(dock logs rabbitmq 2>&1)" '\[error\].*rabbit_disk_monitor'
	check 'rabbitmq: no shell answers' fails dock exec rabbitmq sh -c true
	check 'rabbitmq: it stops' dock stop -t 60 rabbitmq
	is 'rabbitmq: as it should' \
	    "$(dock inspect -f '{{.State.ExitCode}}' rabbitmq)" 0
}

for program in "${programs[@]}"; do "try_$program"; done
finish
