# Node.js: an application says the same as in the original.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

run_node()
{
	run_image "$1" "$2" "${least[@]}" -v "$dir/tls:/tls:ro" \
	    -e PORT="$service" -e TLS_PORT="$tls" -e TLS_DIR=/tls \
	    -- node server.js
}

try_node()
{
	local tls url
	make_tls_files
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
	is 'node: https' "$(curl -sS --cacert "$dir/tls/ca.pem" \
	    "https://localhost:$tls/ping")" pong
	check 'node: it stops' dock stop node
}
