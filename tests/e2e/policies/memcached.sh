# memcached: it stores and finds.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

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
