#!/bin/bash
# Every mistake in a policy is named with file, line and column, all at once,
# and nothing starts.
. "$(dirname "$0")/lib.sh"

policies=$dir/policies.d
mkdir "$policies"
cat > "$policies/bad.yaml" <<-'EOF'
repository: docker.io/library/small
keeep:
  - /usr/bin/cat
keep:
  - usr/bin/relative
  - /usr/***/x
include: [no-such-set]
EOF
winnowd_config oci:"$dir/layouts"
mkdir "$dir/layouts"
check 'winnowd -n refuses it' fails "$winnowd" -n -c "$dir/winnow.conf"
out=$("$winnowd" -n -c "$dir/winnow.conf" 2>&1)
has 'an unknown key' "$out" 'bad\.yaml:2:1: .*keeep'
has 'a relative pattern' "$out" 'bad\.yaml:5:5: '
has 'a bad pattern' "$out" 'bad\.yaml:6:[0-9]+: '
has 'an unknown set' "$out" 'bad\.yaml:7:11: .*no-such-set'
status_of() { timeout 60 "$winnowd" -c "$dir/winnow.conf" > /dev/null 2>&1; echo $?; }
is 'winnowd does not start' "$(status_of)" 1
check 'winnow check refuses it' fails "$winnow" check "$policies/bad.yaml"
has 'with the same words' "$("$winnow" check "$policies/bad.yaml" 2>&1)" \
    'bad\.yaml:2:1: '
rm "$policies/bad.yaml"
small_policies
check 'winnowd -n accepts a good one' "$winnowd" -n -c "$dir/winnow.conf"
sed -i 's/^default:/defualt:/' "$dir/winnow.conf"
has 'a mistake in the configuration' \
    "$("$winnowd" -n -c "$dir/winnow.conf" 2>&1)" 'winnow\.conf:[0-9]+:1: .*defualt'
is 'winnowd does not start with it' "$(status_of)" 1

# What is to be warm: its form, whether it may be had, and nothing twice.
warm_config()
{
	cat > "$dir/warm.conf" <<-EOF
		store: $dir/new/store
		policies: $policies
		sets: $top_srcdir/conf/sets.d
		default: deny
		upstreams: { docker.io: { url: "oci:$dir/layouts" } }
		warm: [$1]
	EOF
	"$winnowd" -n -c "$dir/warm.conf" 2>&1
}
out=$(warm_config '"postgres:", original/small, "Postgres:1"')
is 'references of no form' "$?" 1
has 'no tag' "$out" 'warm\.conf:6:8: "postgres:" is not NAME:TAG'
has 'no name' "$out" 'warm\.conf:6:37: "Postgres:1" is not NAME:TAG'
out=$(warm_config 'small, "postgres:1", "ghcr.io/a/b:1", "docker.io/library/small:latest"')
is 'what cannot be warm' "$?" 1
has 'no policy speaks of it' "$out" 'warm\.conf:6:15: "postgres:1": no policy speaks of'
has 'no such upstream' "$out" 'warm\.conf:6:29: "ghcr\.io/a/b:1": .*not configured'
has 'twice' "$out" 'warm\.conf:6:46: .* is the same as "small" in line 6'
is 'and no more' "$(grep -c 'warm\.conf:' <<< "$out")" 4
warm_config '"small:1", "original/small:1", "original/postgres:1", "small:2"' > "$dir/out"
is 'the others can' "$? $(cat "$dir/out")" '0 '

# winnowd -n looks at the files, too: all at once, and makes none.
touch "$dir/plain"
cat > "$dir/files.conf" <<-EOF
	store: $dir/plain
	policies: $policies
	sets: $top_srcdir/conf/sets.d
	access_log_file: $dir/no-such-dir/access.log
	upstreams:
	  docker.io: { url: "oci:$dir/layouts" }
	  one.example: { url: "https://one.example", ca_file: no-ca.pem }
	  two.example: { url: "https://two.example", username: u, password_file: no-password }
	  three.example: { url: "https://three.example", docker_config: layouts }
EOF
check 'winnowd -n refuses what is not there' \
    fails "$winnowd" -n -c "$dir/files.conf"
out=$("$winnowd" -n -c "$dir/files.conf" 2>&1)
has 'a store that is no directory' "$out" 'files\.conf: store: .*plain: .*directory'
has 'a missing CA' "$out" \
    'files\.conf: upstreams: one\.example: ca_file: .*no-ca\.pem: .*put the file there'
has 'a missing password' "$out" \
    'files\.conf: upstreams: two\.example: password_file: .*no-password: '
has 'a directory in place of a file' "$out" \
    'files\.conf: upstreams: three\.example: docker_config: .*layouts is a directory'
has 'no directory for the access log' "$out" \
    'files\.conf: access_log_file: .*no-such-dir/access\.log: '
check 'winnowd -p prints all the same' "$winnowd" -p -c "$dir/files.conf"
cat > "$dir/files.conf" <<-EOF
	store: $dir/new/store
	policies: $policies
	sets: $top_srcdir/conf/sets.d
	access_log_file: $dir/access.log
EOF
check 'what can be made is no mistake' "$winnowd" -n -c "$dir/files.conf"
check 'and is not made' fails ls -d "$dir/new" "$dir"/access.log

# --- a failure that a client meets: core's line has the id of its request ---
cat > "$policies/small.yaml" <<-'EOF'
	repository: docker.io/library/small
	keep: [/etc/passwd]
	config: { entrypoint: [/no/such/program], cmd: null }
	EOF
start_winnowd "oci:$(image_layouts small)"
ask() { curl -s -m 60 -H "Accept: $accept" "http://$proxy/v2/$1"; }
# ids EVENT: of the lines of that event.
ids() { sed -n "s/.* $1 .*\\bid=\([0-9-]*\).*/\1/p" "$dir/winnowd.log"; }
id=$(ask small/manifests/1 | jq -r '.errors[0].detail.id')
has 'the error names its request' "$id" '^[0-9]+-[0-9]+$'
is 'why there is no variant, in the log with that id' "$(ids variant.failed)" "$id"
check 'as in the access log' wait_for 5 \
    grep -q "request.done id=$id " "$dir/winnowd.log"
id=$(ask original/small/manifests/none | jq -r '.errors[0].detail.id')
is 'so with what the upstream says' "$(ids upstream.manifest)" "$id"
admin warm small:1 > /dev/null 2>&1
check 'what no client asked for has none' wait_for 10 \
    grep -q 'variant.failed id=- ' "$dir/winnowd.log"
finish
