#!/bin/bash
# An upstream like Docker Hub: docker-registry behind a token server, with
# rate-limit headers and blobs on another host that refuses credentials.
. "$(dirname "$0")/lib.sh"

need docker-registry skopeo openssl
small_policies

# The token server's address is in docker-registry's configuration, whose
# address the token server's front has: ports first.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hub \
    -keyout "$dir/key" -out "$dir/cert" 2> /dev/null
start_registry filler "$dir/registry"
push_layout "$(image_layouts small)" small 1 "${addresses[filler]}" ||
    bail 'cannot fill the registry'
stop filler
registry=127.0.0.1:$(free_port)
echo 1000 > "$dir/limit"
start_ready hub 20 test -s "$dir/ports" -- python3 "$tests/lib/hub.py" \
    "$registry" "$dir/registry" "$dir/key" "$dir/cert" "$dir/requests" \
    "$dir/ports" "$dir/limit"
read -r front auth cdn < "$dir/ports"
cat > "$dir/registry.yml" <<-EOF
version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: $dir/registry } }
http: { addr: $registry }
auth:
  token:
    realm: "http://$auth/token"
    service: registry.hub
    issuer: hub
    rootcertbundle: $dir/cert
EOF
refuses() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$registry/v2/")" = 401 ]; }
start_ready registry 20 refuses -- docker-registry serve "$dir/registry.yml"

pull()
{
	rm -rf "$2"
	skopeo copy -q --src-tls-verify=false "docker://$proxy/$1" "dir:$2"
}

# requests NAME COUNT PATTERN: so many lines of the log match.
requests()
{
	is "$1" "$(grep -cE "$3" "$dir/requests")" "$2"
}

metric()
{
	curl -sS "http://$admin/metrics" | grep -E "^$1" | head -n 1
}

admin=127.0.0.1:$(free_port)
winnowd_config "http://$front" 'tag_ttl: 100ms' "admin: [\"$admin\"]"
start_winnowd
check 'a variant, anonymously' pull small:1 "$dir/variant"
check 'the original' pull original/small:1 "$dir/original"
has 'tokens were asked for one repository' "$(grep '^auth' "$dir/requests")" \
    'scope=repository:library/small:pull auth=none'
requests 'one token for all of it' 1 '^auth '
requests 'no token reaches the other host' 0 '^cdn .*auth=[^n]'
check 'blobs came from there' [ "$(grep -c '^cdn GET' "$dir/requests")" -ge 6 ]
has 'the rate limit is a metric' "$(metric '[a-z_]*rate[a-z_]*remaining')" \
    'docker.io.* 99[0-9]'

# Revalidation by HEAD costs nothing of the limit.
before=$(grep -c '^registry GET .*manifests' "$dir/requests")
sleep_past() { [ "$(grep -c '^registry HEAD' "$dir/requests")" -ge "$1" ]; }
heads=$(grep -c '^registry HEAD' "$dir/requests")
revalidated() { manifest small 1 > /dev/null; sleep_past $((heads + 2)); }
check 'tags are revalidated' wait_for 20 revalidated
requests 'by HEAD alone' "$before" '^registry GET .*manifests'

echo 0 > "$dir/limit"
stale()
{
	curl -sS -D - -o /dev/null -H "Accept: $accept" \
	    "http://$proxy/v2/small/manifests/1" | grep -qi '^warning: 110'
}
check 'at the limit the last known image is served, and says so' \
    wait_for 20 stale
check 'the whole of it' pull small:1 "$dir/stale"
check 'unchanged' diff -r "$dir/variant" "$dir/stale"
has 'a new image is refused with the words of the registry' \
    "$(manifest original/library/small \
    "$(jq -r '.config.digest' "$dir/variant/manifest.json")")" 'errors'
stop winnowd
rm -rf "$dir/store"
echo 1 > "$dir/limit"
start_winnowd
answer=$(manifest small 1)
has 'an empty cache answers 429' "$(jq -r '.errors[0].code' <<< "$answer")" \
    TOOMANYREQUESTS
has 'with the reason' "$(jq -r '.errors[0].message' <<< "$answer")" \
    'pull rate limit'
stop winnowd

# With credentials.
echo 1000 > "$dir/limit"
rm -rf "$dir/store"
: > "$dir/requests"
echo secret > "$dir/password"
sed -i "s|url: \"http://$front\"|url: \"http://$front\", username: me, password_file: $dir/password|" \
    "$dir/winnow.conf"
start_winnowd
check 'a variant, with a password' pull small:1 "$dir/with-password"
check 'the same image' diff -r "$dir/variant" "$dir/with-password"
requests 'the password goes to the token server' 1 '^auth .*auth=basic'
requests 'and to nobody else' 0 '^(registry|cdn) .*auth=basic'
finish
