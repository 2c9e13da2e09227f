# The registry for policies-serve.sh: TLS and passwords, a push, a pull through
# another as a proxy, what is deleted and collected.
# shellcheck shell=bash disable=SC2154

# run_registry NAME PORT OPTION...: with TLS, for localhost.
run_registry()
{
	local name=$1 port=$2
	shift 2
	service=$port run_image "$name" registry:2 "${least[@]}" \
	    -v "$dir/tls:/tls:ro" -e "REGISTRY_HTTP_ADDR=127.0.0.1:$port" \
	    -e REGISTRY_HTTP_TLS_CERTIFICATE=/tls/cert.pem \
	    -e REGISTRY_HTTP_TLS_KEY=/tls/key.pem -e REGISTRY_HTTP_SECRET=x \
	    -e TZ=Asia/Tokyo "$@"
}

# copy FROM TO: as alice, who the first registry knows.
copy()
{
	skopeo copy -q --src-creds alice:secret --dest-creds alice:secret \
	    --src-cert-dir "$dir/certs" --dest-cert-dir "$dir/certs" "$@"
}

registry_has()
{
	[ "$(over_tls "$1" "/v2/$2/manifests/1" -u alice:secret -o /dev/null \
	    -w '%{http_code}' -H "Accept: $accept")" = "$3" ]
}

try_registry()
{
	local open mirror data=$dir/registry.data digest
	make_tls_files
	mkdir -p "$dir/certs" "$data"
	cp "$dir/tls/ca.pem" "$dir/certs/ca.crt"
	echo "alice:$(hash_of secret 05)" > "$dir/tls/htpasswd"
	cat > "$dir/with-passwords.yml" <<-'EOF'
	version: 0.1
	log: { accesslog: { disabled: false } }
	storage:
	  filesystem: { rootdirectory: /var/lib/registry }
	  delete: { enabled: true }
	auth: { htpasswd: { realm: here, path: /tls/htpasswd } }
	http: { addr: ":5000" }
	EOF
	pulled registry 2
	open=$(free_port) mirror=$(free_port)
	check 'registry: it starts' run_registry registry "$service" \
	    -v "$data:/var/lib/registry" \
	    -v "$dir/with-passwords.yml:/with-passwords.yml:ro" \
	    -- serve /with-passwords.yml
	check 'registry: it answers over TLS' wait_for 60 \
	    over_tls "$service" /v2/ -f -u alice:secret
	is 'registry: it asks who' \
	    "$(over_tls "$service" /v2/ -o /dev/null -w '%{http_code}')" 401
	check 'registry: it takes an image' copy \
	    "oci:$(image_layouts small)/library/small:1" \
	    "docker://localhost:$service/some/small:1"
	check 'registry: and gives it' copy \
	    "docker://localhost:$service/some/small:1" "dir:$dir/small"
	# Version 2 gives no password to an upstream that asks for one by Basic.
	check 'registry: another starts without passwords' run_registry open \
	    "$open" -v "$data:/var/lib/registry"
	check 'registry: and another as its proxy' run_registry mirror \
	    "$mirror" -e SSL_CERT_FILE=/tls/ca.pem --tmpfs /var/lib/registry \
	    -e "REGISTRY_PROXY_REMOTEURL=https://localhost:$open"
	check 'registry: it answers' wait_for 60 over_tls "$open" /v2/ -f
	check 'registry: that answers' wait_for 60 over_tls "$mirror" /v2/ -f
	check 'registry: and gives what is behind it' copy \
	    "docker://localhost:$mirror/some/small:1" "dir:$dir/small-2"
	has 'registry: its log is the output' "$(dock logs registry 2>&1)" \
	    'PUT /v2/some/small/manifests/1 HTTP'
	digest=$(over_tls "$service" /v2/some/small/manifests/1 -I \
	    -u alice:secret -H "Accept: $accept" |
	    sed -n 's/^docker-content-digest: \(.*\)\r/\1/Ip')
	check 'registry: a manifest is deleted' over_tls "$service" \
	    "/v2/some/small/manifests/$digest" -f -u alice:secret -X DELETE
	check 'registry: it is gone' registry_has "$service" some/small 404
	has 'registry: garbage is collected' "$(dock exec registry registry \
	    garbage-collect /with-passwords.yml 2>&1)" \
	    '[1-9][0-9]* blobs .*eligible for deletion'
	check 'registry: it stops' dock stop -t 30 registry
	check 'registry: no shell answers' fails dock exec mirror sh -c true
	check 'registry: the others stop' dock stop -t 30 mirror open
}
