#!/bin/bash
# `tls: auto`: from nothing to `docker pull proxy.local/...`, with every client
# verifying what it gets, by following what winnow itself says to do.
. "$(dirname "$0")/isolated.sh"
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

# Debian's clients, not what a machine has beside them.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
need docker podman skopeo ctr
small_policies
winnowd_config "oci:$(image_layouts small)"
sed -i "s|^listen:.*|listen: [\"$proxy\", \"tls://$here:443\"]|" "$dir/winnow.conf"
echo 'tls: {auto: [proxy.local, '"$here"']}' >> "$dir/winnow.conf"
start_winnowd
state=$dir/store/tls
log() { cat "$dir/winnowd.log"; }

has 'the log says where the authority is and what to do' "$(log)" \
    "tls.authority new=$state/ca.crt clients=$state/trust.txt"
is 'its key is for winnow alone' "$(stat -c %a "$state/ca.key")" 600
is 'the server'\''s key too' "$(stat -c %a "$state/server.key")" 600
has 'its certificate is limited to the names' \
    "$(openssl x509 -in "$state/ca.crt" -noout -text)" 'DNS:proxy.local'
check 'curl verifies the name' curl -fsS --cacert "$state/ca.crt" https://proxy.local/v2/
check 'and the address' curl -fsS --cacert "$state/ca.crt" "https://$here/v2/"
image=proxy.local/small:1

start_dockerd
check 'docker does not trust it yet' fails dock pull -q "$image"
check 'podman does not trust it yet' fails pod pull -q "$image"
check 'skopeo does not trust it yet' fails skopeo inspect "docker://$image"

# What trust.txt says for proxy.local, done literally.
section=$(sed -n '/^proxy.local$/,/^10/p' "$state/trust.txt")
sed -n 's/^ *\(install -D .*\)/\1/p' <<< "$section" > "$dir/commands"
is 'two files are installed' "$(wc -l < "$dir/commands")" 2
check 'the commands run' sh -e "$dir/commands"
mkdir -p "$dir/certs.d/proxy.local"
sed -n '/hosts.toml/,/^  then/p' <<< "$section" | sed '1d;$d;s/^    //' \
    > "$dir/certs.d/proxy.local/hosts.toml"

check 'docker pulls' dock pull -q "$image"
mkdir "$dir/context"
printf 'FROM %s\nCOPY Dockerfile /\n' "$image" > "$dir/context/Dockerfile"
builds()
{
	dock image prune -af > /dev/null && DOCKER_BUILDKIT=1 dock build -q "$dir/context"
}
# BuildKit in the dockerd of Debian 12 reads certs.d once, as it starts.
case $(dock version -f '{{.Server.Version}}') in
20.*)
	check 'docker build needs a restart of dockerd' fails builds
	stop dockerd
	start_dockerd
	;;
esac
check 'docker builds' builds
check 'podman pulls' pod pull -q "$image"
check 'skopeo pulls' skopeo copy -q "docker://$image" "oci:$dir/copied:1"
start_containerd
check 'containerd pulls' c8d images pull --hosts-dir "$dir/certs.d" "$image"
rm -r "$dir/certs.d/proxy.local"
check 'and would not without hosts.toml' \
    fails c8d images pull --hosts-dir "$dir/certs.d" proxy.local/original/small:1

# The same certificate after a restart; a new one, of the same authority, when
# the old one ends soon, when it is damaged, and for other names.
served() { openssl s_client -connect "$here:443" < /dev/null 2> /dev/null |
    openssl x509 -noout -fingerprint; }
restart() { stop winnowd; start_winnowd; }
first=$(served) authority=$(cat "$state/ca.crt")
restart
is 'a restart changes nothing' "$(served)" "$first"
openssl x509 -req -in <(openssl req -new -key "$state/server.key" -subj /CN=x) \
    -CA "$state/ca.crt" -CAkey "$state/ca.key" -days 20 -out "$dir/short.crt" \
    -extfile <(echo 'subjectAltName=DNS:proxy.local,IP:10.99.0.1') 2> /dev/null
cp "$dir/short.crt" "$state/server.crt"
kill -HUP "${pids[winnowd]}"
check 'one that ends in twenty days is renewed' \
    wait_for 20 grep -q tls.renewed "$dir/winnowd.log"
check 'and lasts ninety' openssl x509 -in "$state/server.crt" -noout -checkend $((89 * 86400))
is 'under the same authority' "$(cat "$state/ca.crt")" "$authority"
check 'which docker still trusts' dock pull -q "$image"
sed -i 's/proxy.local, 10.99.0.1/proxy.local, other.local/' "$dir/winnow.conf"
kill -HUP "${pids[winnowd]}"
check 'a name that the authority may not sign makes a new one' \
    wait_for 20 test -e "$state/ca.crt.old"
check 'for that name' wait_for 20 everywhere curl -fsS --cacert "$state/ca.crt" \
    --resolve "other.local:443:$here" https://other.local/v2/
check 'which docker does not trust' fails dock pull -q proxy.local/original/small:1
finish
