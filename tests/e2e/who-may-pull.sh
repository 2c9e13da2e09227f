#!/bin/bash
# Users with passwords and rules of who may pull what, attacked: other names
# of a repository, answers cached for others, blobs of others, guessing what
# there is, floods of logins, and what reaches the log.
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
cp -r "$layouts" "$dir/layouts"
cp -r "$dir/layouts/library/small" "$dir/layouts/library/public"
start_winnowd "oci:$dir/layouts"
v2=http://$proxy/v2
log() { cat "$dir/winnowd.log"; }

# answer CURL-ARGUMENTS: status, headers and body in three files.
answer()
{
	curl -sS -D "$dir/headers" -o "$dir/body" -w '%{http_code}' \
	    -H "Accept: $accept" "$@" > "$dir/status"
}
header() { tr -d '\r' < "$dir/headers" | sed -n "s/^$1: //Ip"; }
status() { cat "$dir/status"; }
# gets WANTED CURL-ARGUMENTS
gets() { local wanted=$1; shift; answer "$@"; same "$(status)" "$wanted"; }

# Without authentication a client may send what it likes.
secret=$(printf 'hub-user:hub-secret' | base64)
check 'a foreign Authorization is ignored' gets 200 -H "Authorization: Basic $secret" "$v2/"
check 'also one that is none' gets 200 -H 'Authorization: Bearer hub-secret' \
    "$v2/small/manifests/1"
check 'and not logged' lacks "$(log)" "hub-secret|$secret"

users()
{
	local user
	for user; do echo "$user:$(hash_of "$user-secret" 05)"; done > "$dir/htpasswd"
}
users alice bob carol dave
cat >> "$dir/winnow.conf" <<'EOT'
htpasswd: htpasswd
groups: {ops: [carol, dave]}
access:
  - users: [alice]
    pull: [small]
  - users: ["@ops"]
    pull: ["**"]
  - users: ["*"]
    pull: ["library/for-*"]
  - pull: [original/public]
EOT
reload() { kill -HUP "${pids[winnowd]}"; }
reloads() { [ "$(log | grep -cE 'core .*reload\.(done|failed)')" -ge "$1" ]; }
reload
check 'users and rules are read' wait_for 20 reloads 1
as() { local user=$1 wanted=$2; shift 2; gets "$wanted" -u "$user:$user-secret" "$@"; }
check 'and in force' wait_for 20 gets 401 "$v2/"

is 'the challenge' "$(header www-authenticate)" 'Basic realm="winnow", charset="UTF-8"'
is 'in OCI form' "$(jq -r '.errors[0].code' "$dir/body")" UNAUTHORIZED
check 'a user' as alice 200 "$v2/"
check 'a wrong password' gets 401 -u alice:mistyped "$v2/"
has 'is challenged again' "$(header www-authenticate)" '^Basic '
check 'an empty password' gets 401 -u alice: "$v2/"
check 'an unknown user' gets 401 -u mallory:alice-secret "$v2/"
check 'an unknown user with the first one'\''s password' gets 401 -u nobody:alice-secret "$v2/"
check 'a password of 73 bytes' gets 401 -u "alice:$(printf '%073d' 0)" "$v2/"
check 'no base64' gets 401 -H 'Authorization: Basic !!!' "$v2/"
check 'another scheme counts as none' gets 401 -H 'Authorization: Bearer x' "$v2/"
check 'podman'\''s empty user is nobody, whom a rule admits' \
    gets 200 -H 'Authorization: Basic Og==' "$v2/"

check 'alice pulls what is hers' as alice 200 "$v2/small/manifests/1"
digest=$(header docker-content-digest)
check 'and has it remembered' as alice 200 "$v2/small/manifests/1"
check 'bob does not get that answer' as bob 403 "$v2/small/manifests/1"
is 'but DENIED' "$(jq -r '.errors[0].code' "$dir/body")" DENIED
check 'nobody is asked to log in' gets 401 "$v2/small/manifests/1"
has 'with a challenge' "$(header www-authenticate)" '^Basic '
check 'also on HEAD' gets 401 -I "$v2/small/manifests/1"
check 'carol may by her group' as carol 200 "$v2/small/manifests/1"
check 'and originals' as carol 200 "$v2/original/small/manifests/1"
source=$(header docker-content-digest)
check 'alice may not' as alice 403 "$v2/original/small/manifests/1"
check 'nor by the digest' as alice 403 "$v2/original/small/manifests/$source"
check 'nor as what stripping hides' as alice 404 "$v2/small/manifests/$source"

for name in small library/small docker.io/library/small index.docker.io/small \
    registry-1.docker.io/library/small; do
	check "$name for alice" as alice 200 "$v2/$name/manifests/1"
	check "$name for bob" as bob 403 "$v2/$name/manifests/1"
	check "$name by digest for bob" as bob 403 "$v2/$name/manifests/$digest"
	check "the tags of $name for bob" as bob 403 "$v2/$name/tags/list"
	check "referrers of $name for bob" as bob 403 "$v2/$name/referrers/$digest"
done
check '?ns= for alice' as alice 200 "$v2/library/small/manifests/1?ns=docker.io"
for ns in docker.io index.docker.io DOCKER.IO docker%2eio docker.io%00 other.io; do
	answer -u bob:bob-secret "$v2/library/small/manifests/1?ns=$ns"
	has "?ns=$ns for bob" "$(status)" '^40[03]$'
done
check 'two ?ns=' as bob 403 "$v2/library/small/manifests/1?ns=other.io&ns=docker.io"
answer -u bob:bob-secret "$v2/_winnow/map?repo=small&digest=$source"
has 'the digest map for bob' "$(status)" '^40[034]$'
check 'does not say the variant' lacks "$(cat "$dir/body")" "$digest"
for path in original/../small original//small /small small%2f..%2fpublic \
    original%2fpublic/../../small; do
	answer --path-as-is -u bob:bob-secret "$v2/$path/manifests/1"
	has "$path for bob" "$(status)" '^40[034]$'
done

image=$(curl -sS -u alice:alice-secret -H "Accept: $accept" \
    "$v2/small/manifests/$(curl -sS -u alice:alice-secret "$v2/small/manifests/1" |
	jq -r '.manifests[0].digest')")
blob=$(jq -r '.layers[0].digest' <<< "$image")
check 'alice gets the blob' as alice 200 "$v2/small/blobs/$blob"
check 'bob does not' as bob 403 "$v2/small/blobs/$blob"
check 'nor under a name that is his' as bob 404 "$v2/original/public/blobs/$blob"
check 'nor with ?ns=' as bob 403 "$v2/library/small/blobs/$blob?ns=docker.io"
check 'nor by a range' as bob 403 -r 0-9 "$v2/small/blobs/$blob"
check 'everybody pulls what is public' gets 200 "$v2/original/public/manifests/1"
check 'every user, too' as bob 200 "$v2/original/public/manifests/1"
check 'not its stripped name' as bob 403 "$v2/public/manifests/1"
check 'for every user, but not for nobody' gets 401 "$v2/for-all/manifests/1"
check 'where only a user learns that it is not there' as bob 404 "$v2/for-all/manifests/1"

# The same reply whether there is something or not.
reply_about()
{
	answer -u bob:bob-secret "$v2/$1/$2"
	{ cat "$dir/status"; echo; grep -v '^Date' "$dir/headers"; cat "$dir/body"; } | sed "s|$1|NAME|g; s|\"id\":\"[0-9-]*|\"id\":\"ID|"
}
for what in manifests/1 "manifests/$digest" "blobs/$blob" tags/list "referrers/$digest"; do
	reply_about small "$what" > "$dir/there"
	reply_about small1 "$what" | sed 's/Content-Length: .*/Content-Length/' > "$dir/absent"
	sed -i 's/Content-Length: .*/Content-Length/' "$dir/there"
	check "${what%%/*}: nobody learns what there is" diff "$dir/there" "$dir/absent"
done

# A flood of logins at a real cost keeps nobody out who has logged in.
echo "costly:$(hash_of costly-secret 10)" >> "$dir/htpasswd"
reload
check 'a costly user' wait_for 20 reloads 2
carols_first() { as carol 200 --max-time 30 "$v2/"; }
check 'alice logs in' wait_for 20 as alice 200 "$v2/"
for i in {1..20000}; do
	[ "$i" = 1 ] || echo next
	printf '%s\n' "url = \"$v2/\"" "user = \"costly:mistyped$i\"" \
	    'output = "/dev/null"' 'write-out = "%{http_code}\n"'
done > "$dir/flood"
# Over and over: a fast machine is soon done with twenty thousand.
flood()
{
	trap 'kill "$!"; exit' TERM
	while :; do
		curl -s -Z --parallel-immediate --parallel-max 300 \
		    -K "$dir/flood" &
		wait "$!"
	done
}
start flood flood
refused() { grep -q ' status=429 ' "$dir/winnowd.log"; }
check 'too many are told to come back' wait_for 20 refused
quick() { as alice 200 --max-time 30 "$v2/small/manifests/1"; }
check 'alice is served meanwhile' quick
check 'carol logs in meanwhile' carols_first
for i in 1 2 3; do check "alice is served ($i)" quick; done
stop flood 2> /dev/null
is 'nobody came in' "$(log | grep -c 'status=200 .* user=costly')" 0
check 'costly comes in with the right one' wait_for 20 as costly 200 "$v2/"

# Changes are in force at once, also for who is logged in.
users bob carol
reload
check 'alice is taken out' wait_for 20 reloads 3
check 'and does not come in' wait_for 20 gets 401 -u alice:alice-secret "$v2/small/manifests/1"
check 'bob does' as bob 200 "$v2/"
echo 'eve:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' >> "$dir/htpasswd"
reload
check 'a hash of another kind is refused' wait_for 20 reloads 4
has 'with file and line' "$(log | grep reload.failed | tail -n1)" \
    'htpasswd:3: not a bcrypt hash'
check 'and bob is still there' as bob 200 "$v2/"
# winnowd -n says the same.
has 'winnowd -n says so too' "$("$winnowd" -n -c "$dir/winnow.conf" 2>&1)" \
    'htpasswd:3: not a bcrypt hash'
check 'no password is in the log' lacks "$(log)" \
    "secret|mistyped|$(printf 'alice:alice-secret' | base64)"
has 'but who was there' "$(log)" 'request.done.* user=alice'
has 'and who was refused' "$(log)" 'login.refused.* user=mallory'
finish
