# Valkey: over TLS alone, on a volume that appends, killed and started again.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

repositories[valkey]=valkey/valkey

valkey_cli()
{
	dock run --rm --network host -v "$dir/tls:/tls:ro" \
	    "$proxy/original/valkey/valkey:8" valkey-cli -h localhost \
	    -p "$service" --tls --cacert /tls/ca.pem --cert /tls/cert.pem \
	    --key /tls/key.pem "$@"
}

# The official command over a volume that appends, TLS alone, twice.
try_valkey()
{
	local options=(-v valkey-data:/data -v "$dir/tls:/tls:ro")
	local arguments
	make_tls_files
	pulled valkey 8
	arguments=(valkey-server --appendonly yes --port 0 --tls-port "$service"
	    --tls-cert-file /tls/cert.pem --tls-key-file /tls/key.pem
	    --tls-ca-cert-file /tls/ca.pem)
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
