#!/bin/bash
# Every form of a mirror of docker.io over TLS with winnow's own certificate:
# trusted and not, with passwords and certificates of clients.  Who is not let
# in or does not trust winnow either gets nothing, or, where a client lets
# itself past the proxy, the full image: each form's row says which.
. "$(dirname "$0")/matrix.sh"
. "$tests/e2e/mirrors.sh"

# What clients read below /etc is this test's.
etc=${CLIENT_ROOT:-}/etc
for place in docker containers; do
	mkdir -p "$etc/$place"
	mount -t tmpfs tmpfs "$etc/$place" || bail "cannot cover $etc/$place"
done
echo '{"default": [{"type": "insecureAcceptAnything"}]}' \
    > "$etc/containers/policy.json"

make_authority wrong
make_authority clients
make_certificate carol clients DNS:carol -subj /CN=carol
make_certificate mallory wrong DNS:mallory -subj /CN=mallory
serve 'tls: {auto: [proxy.local]}'

# put_beside SOURCE NAME: a file beside the others that clients read for this
# proxy; hosts.toml names those of $dir/containerd.certs.
put_beside()
{
	local place
	for place in "$dir/containerd.certs" \
	    "$etc"/{docker,containers}/certs.d/"$secure"; do
		install -D -m 644 "$1" "$place/$2" || bail "cannot write $place/$2"
	done
}
trust() { put_beside "$1" ca.crt; }
be()
{
	put_beside "$dir/$1.pem" client.cert
	put_beside "$dir/$1.key" client.key
}
# log_in PASSWORD [HOST...]: alice, with it, where clients look for the
# passwords of the hosts, by default docker.io's and the proxy's.
log_in()
{
	local auth hosts=("${@:2}")
	[ $# -gt 1 ] || hosts=("${hub_logins[@]}" "$secure")
	auth=$(printf 'alice:%s' "$1" | base64)
	mkdir -p "$dir/login"
	printf '%s\n' "${hosts[@]}" | jq -nR --arg auth "$auth" \
	    '{auths: ([inputs | {(.): {auth: $auth}}] | add)}' \
	    > "$dir/login/config.json"
	dock_config=$dir/login
	export REGISTRY_AUTH_FILE=$dir/login/config.json
	ctr_login=(--user "alice:$1")
	cri_login=(alice "$1")
}
hub_logins=(https://index.docker.io/v1/ docker.io)

# BuildKit goes on for minutes with what it read for a repository, and with
# its connections.
restart_dockerd() { stop dockerd && start_dockerd; }

trust "$dir/store/tls/ca.crt"
be mallory
reconfigure 's/^tls:.*/tls: {auto: [proxy.local], client_ca: clients.pem, client_certificate: required}/'
certs=$dir/containerd.certs
mirror_through "https://$secure" "ca = \"$certs/ca.crt\"" \
    "client = [[\"$certs/client.cert\", \"$certs/client.key\"]]"
start_mirror_clients \
    "[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"$secure\".tls]" \
    "ca_file = \"$certs/ca.crt\"" "cert_file = \"$certs/client.cert\"" \
    "key_file = \"$certs/client.key\""

mirrors "another's certificate" FULL refused image:1
be carol
restart_dockerd
before=$(hub_requests)
mirrors 'a certificate' variant variant image:1
has 'whose name the log has' "$(cat "$dir/winnowd.log")" \
    'request.done .* user=carol'
reconfigure 's/^tls:.*/tls: {auto: [proxy.local]}/'
is 'of these nobody has asked docker.io' "$(hub_requests)" "$before"
mirrors 'denied by policy' FULL refused other:1
has 'which is a 403' "$(cat "$dir/winnowd.log")" \
    'request.done .*other/manifests/1.* status=403'

echo "alice:$(hash_of alice-secret 05)" > "$dir/htpasswd"
reconfigure '$ahtpasswd: htpasswd'
mirrors 'no password' FULL refused image:1
log_in mistyped
mirrors 'a wrong password' FULL refused image:1
log_in alice-secret
before=$(hub_requests)
mirrors 'a password' variant variant image:1
is 'of these nobody has asked docker.io either' "$(hub_requests)" "$before"

# Whose password a mirror gets.
use mirror
log_in alice-secret "${hub_logins[@]}"
cell docker "registry-mirrors, docker.io's password" variant "$hub/image:1"
cell buildkit "registry-mirrors, docker.io's password" FULL "$hub/image:1"
cell podman "mirror, docker.io's password" FULL "$hub/image:1"
log_in alice-secret "$secure"
cell docker "registry-mirrors, the proxy's password" FULL "$hub/image:1"
cell buildkit "registry-mirrors, the proxy's password" variant "$hub/image:1"
cell podman "mirror, the proxy's password" variant "$hub/image:1"

log_in alice-secret
trust "$dir/wrong.pem"
restart_dockerd
failed=$(grep -c 'tls.failed client=' "$dir/winnowd.log")
mirrors 'not trusted' FULL refused image:1
distrusted() { [ "$(grep -c 'tls.failed client=' "$dir/winnowd.log")" -ge $((failed + 13)) ]; }
check 'which the log says' wait_for 10 distrusted

print_table
finish
