#!/bin/bash
# The shipped policies: each variant has no shell, starts and serves a real
# client; where there is a volume, on what the original has put there.
#
# PROGRAMS says which (redis, python); `make check-long` asks for all.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

read -ra programs <<< "${PROGRAMS:-redis python}"
[ "${programs[*]}" != all ] || programs=(redis python memcached nginx mariadb
    eclipse-temurin)
need curl

# The layouts of all images as one upstream.
mkdir -p "$dir/upstream/library"
for program in "${programs[@]}"; do
	ln -s "$(image_layouts "$program")/library/$program" \
	    "$dir/upstream/library/$program"
done
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
	service=$(free_port)
	check "$1: the variant is pulled" dock pull -q "$proxy/$1:$2"
	check "$1: the log says what it is" grep -q \
	    "image.built .*$1.*distroless=yes warnings=${warnings:-0}" \
	    "$dir/winnowd.log"
	docker_root "$proxy/$1:$2" "$dir/$1.root"
	check "$1: no shell is there" no_program "$dir/$1.root"
}

# no_program ROOT: nothing to run but what the image is for (Python, Java).
no_program()
{
	! find "$1" \( -name '*sh' -o -name busybox -o -name 'apt*' -o \
	    -name dpkg -o -name perl -o -name curl -o -name pip \) \
	    -type f -perm /111 | grep .
}

redis_cli() { dock run --rm --network host "$proxy/original/redis:7" \
    redis-cli -p "$service" "$@"; }

try_redis()
{
	local volume=(-v "$dir/redis.data:/data")
	mkdir -p "$dir/redis.data"
	pulled redis 7
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
	printf 'server { listen 127.0.0.1:%s; root /usr/share/nginx/html; }\n' \
	    "$service" > "$dir/default.conf"
	check 'nginx: it starts' run_image nginx nginx:1 \
	    -v "$dir/default.conf:/etc/nginx/conf.d/default.conf:ro"
	check 'nginx: it serves' wait_for 60 answers "http://127.0.0.1:$service/"
	has 'nginx: its page' "$(curl -sS "http://127.0.0.1:$service/")" \
	    'Welcome to nginx'
	has 'nginx: its log is the output' "$(dock logs nginx 2>&1)" 'GET / HTTP'
	check 'nginx: the stream module loads' dock exec nginx nginx -t
	check 'nginx: it stops on its stop signal' dock stop -t 30 nginx
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

for program in "${programs[@]}"; do "try_$program"; done
finish
