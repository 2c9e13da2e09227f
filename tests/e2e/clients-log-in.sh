#!/bin/bash
# docker, podman, skopeo and containerd over TLS with a password, with a mistyped
# one, without, and with a certificate of their own.
. "$(dirname "$0")/isolated.sh"
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"
. "$tests/e2e/certificates.sh"

need docker podman skopeo ctr
small_policies
cp -r "$(image_layouts small)" "$dir/layouts"
cp -r "$dir/layouts/library/small" "$dir/layouts/library/secret"
make_authority clients
make_certificate carol clients DNS:carol -subj /CN=carol
winnowd_config "oci:$dir/layouts"
sed -i "s|^listen:.*|listen: [\"$proxy\", \"tls://$here:443\"]|" "$dir/winnow.conf"
cat >> "$dir/winnow.conf" <<'EOT'
tls: {auto: [proxy.local], client_ca: clients.pem}
htpasswd: htpasswd
access:
  - {users: [alice, carol], pull: [small]}
  - {users: ["*"], pull: [original/small]}
EOT
for user in alice bob; do echo "$user:$(hash_of "$user-secret" 05)"; done > "$dir/htpasswd"
mkdir -p "$dir/store"
challenged() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$proxy/v2/")" = 401 ]; }
start_ready winnowd 20 challenged -- "$winnowd" -c "$dir/winnow.conf"
ca=$dir/store/tls/ca.crt
for etc in docker containers; do
	install -D -m 644 "$ca" "/etc/$etc/certs.d/proxy.local/ca.crt"
done
image=proxy.local/small:1
export REGISTRY_AUTH_FILE=$dir/auth.json DOCKER_CONFIG=$dir/docker-config
said() { "$@" 2>&1 || :; }

start_dockerd
has 'docker without a login is told to log in' "$(said dock pull "$image")" \
    'no basic auth credentials|log in'
check 'docker with a mistyped password does not log in' \
    fails dock login -u alice --password-stdin proxy.local <<< mistyped
check 'docker logs in' dock login -u alice --password-stdin proxy.local <<< alice-secret
check 'docker pulls' dock pull -q "$image"
check 'docker pulls an original of every user' dock pull -q proxy.local/original/small:1
has 'docker is told that it may not pull another' \
    "$(said dock pull proxy.local/secret:1)" 'denied'
is 'as if it were not there' "$(said dock pull proxy.local/secret:1 | sed 's/secret/NAME/g')" \
    "$(said dock pull proxy.local/absent:1 | sed 's/absent/NAME/g')"
check 'docker logs in as bob' dock login -u bob --password-stdin proxy.local <<< bob-secret
dock image rm "$image" > /dev/null
check 'who may not pull what alice pulled' fails dock pull -q "$image"
check 'docker logs out' dock logout proxy.local
check 'and pulls no more' fails dock pull -q proxy.local/original/small:1

check 'podman without a login' fails pod pull -q "$image"
check 'podman with a mistyped password' \
    fails pod login -u alice --password-stdin proxy.local <<< mistyped
check 'podman logs in' pod login -u alice --password-stdin proxy.local <<< alice-secret
check 'podman pulls' pod pull -q "$image"
check 'podman may not pull another' fails pod pull -q proxy.local/secret:1
check 'podman logs out' pod logout proxy.local

check 'skopeo with credentials' skopeo copy -q --src-creds alice:alice-secret \
    "docker://$image" "oci:$dir/copied:1"
check 'skopeo with mistyped ones' fails skopeo inspect --creds alice:mistyped "docker://$image"
check 'skopeo without' fails skopeo inspect "docker://$image"
check 'skopeo as bob' fails skopeo inspect --creds bob:bob-secret "docker://$image"

start_containerd
mkdir -p "$dir/certs.d/proxy.local"
cat > "$dir/certs.d/proxy.local/hosts.toml" <<EOT
server = "https://proxy.local"
[host."https://proxy.local"]
  capabilities = ["pull", "resolve"]
  ca = "$ca"
EOT
pull() { c8d images pull --hosts-dir "$dir/certs.d" "$@"; }
check 'containerd with credentials' pull --user alice:alice-secret "$image"
check 'containerd with mistyped ones' fails pull --user alice:mistyped proxy.local/original/small:1
check 'containerd without' fails pull proxy.local/original/small:1
check 'containerd as bob' fails pull --user bob:bob-secret "$image"

# A certificate instead of a password.
cp "$dir/carol.pem" "/etc/docker/certs.d/proxy.local/client.cert"
cp "$dir/carol.key" "/etc/docker/certs.d/proxy.local/client.key"
check 'docker with a certificate' dock pull -q "$image"
check 'which does not open everything' fails dock pull -q proxy.local/secret:1
cp "$dir/carol.pem" "/etc/containers/certs.d/proxy.local/client.cert"
cp "$dir/carol.key" "/etc/containers/certs.d/proxy.local/client.key"
check 'skopeo with a certificate' skopeo inspect "docker://$image"
pod image rm -a > /dev/null
check 'podman with a certificate' pod pull -q "$image"
sed -i "s|  ca = .*|&\n  client = [[\"$dir/carol.pem\", \"$dir/carol.key\"]]|" \
    "$dir/certs.d/proxy.local/hosts.toml"
c8d images rm "$image" > /dev/null
check 'containerd with a certificate' pull "$image"
check 'curl with a certificate' curl -fsS -o /dev/null --cacert "$ca" \
    --cert "$dir/carol.pem" --key "$dir/carol.key" https://proxy.local/v2/small/manifests/1
has 'the log has its name' "$(cat "$dir/winnowd.log")" 'request.done.* user=carol'
check 'and no password' lacks "$(cat "$dir/winnowd.log")" '-secret|mistyped'
check 'no server died' lacks "$(cat "$dir/winnowd.log")" 'server.died|login.died'
finish
