# Redis: the variant on a volume of the original, Lua, what a bare policy misses.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

redis_cli() { dock run --rm --network host "$proxy/original/redis:7" \
    redis-cli -p "$service" "$@"; }

# asked_for NAME: the variant of the virtual repository NAME/redis is there.
asked_for()
{
	curl -sS -H "Accept: $accept" "http://$proxy/v2/$1/redis/manifests/7" \
	    > "$dir/$1.json" && grep -q '"schemaVersion"' "$dir/$1.json"
}

# What a policy has not thought of is in the log before anybody misses it.
bare_redis()
{
	check 'redis: without sets it is built' asked_for bare
	check 'redis: the log counts what it will miss' grep -q \
	    'image.built .*distroless=yes warnings=0 hints=[1-9]' \
	    "$dir/winnowd.log"
	check 'redis: and says what' grep -q 'image.hint .*C\.UTF-8' \
	    "$dir/winnowd.log"
	check 'redis: with its script it is built' asked_for script
	check 'redis: the log says what the script lacks' grep -q \
	    'image.hint .*docker-entrypoint.sh .* calls id, find, chown,' \
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
