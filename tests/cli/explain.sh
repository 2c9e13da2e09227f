#!/bin/sh
# winnow explain: each path gets the reason, or what would have to be written
# to keep it, and what the layers did to it.
. "$(dirname "$0")/lib.sh"

explain() {
	"$winnow" explain --sets sets --policy policy.yaml "$@"
}

# block PATH: what explain.out says about it, on one line.
block() {
	awk -v path="$1" '/^[^ ]/ { on = $0 == path; next }
	    on { $1 = $1; printf "%s; ", $0 }' explain.out
}

# says PATH TEXT...
says() {
	path=$1
	shift
	for text; do
		case $(block "$path") in
		*"$text"*) ;;
		*) fail "$path: no \"$text\" in: $(block "$path")" ;;
		esac
	done
}

explain oci:source:latest /bin/app /opt/app/bin/app /opt/app /usr/bin/sh \
	/gone/x /opt/app/data/attr /opt/app/data/secret /opt/app/data/one \
	/opt/app/data/old /opt/app/data/onee /etc/passwd/x /games/useless \
	/usr/bin/busybox /srv >explain.out

echo "# kept: the chain down to a rule"
says /bin/app 'kept policy.yaml:3 keep /bin/app' 'lies at /usr/bin/app' \
	'symbolic link to /opt/app/bin/app, that is /opt/app/bin/app' \
	'layer 2 of 4'
says /opt/app/bin/app 'kept policy.yaml:4 keep /opt/app/bin/*' 'package app 1'
says /opt/app 'kept target of /usr/bin/app; policy.yaml:3 keep /bin/app' \
	'files below are kept' 'mode 0755, owner 70:70' 'layer 2 of 4 has it' \
	'layer 3 of 4 has it'
says /opt/app/data/one 'layer 2 of 4 has it' 'layer 3 of 4 has it'

echo "# removed: which rule took it, or what would keep it"
says /opt/app/data/attr 'removed policy.yaml:9 drop /opt/app/data/attr' \
	'in spite of policy.yaml:5 keep /opt/app/data/**'
says /usr/bin/sh 'removed no rule names it' 'policy.yaml:3 keep /bin/app (agrees as far as /usr/bin)' \
	'to keep it - /usr/bin/sh' 'symbolic link to busybox'
says /usr/bin/busybox 'or - package: busybox'
cat >near.yaml <<'END'
repository: docker.io/library/app
keep:
  - /opt/app/bin/appp
  - /bin/app
  - /opt/app/data/n*
END
"$winnow" explain --sets sets --policy near.yaml oci:source:latest \
	/opt/app/bin/app-hard /opt/app/data/one /bin/busybox >explain.out
says /opt/app/bin/app-hard \
	'nearest rule near.yaml:3 keep /opt/app/bin/appp (agrees as far as /opt/app/bin)'
says /opt/app/data/one \
	'near.yaml:5 keep /opt/app/data/n* (agrees as far as /opt/app/data)'
says /bin/busybox \
	'near.yaml:4 keep /bin/app (agrees as far as /usr/bin)'

echo "# not in the image: how far the way leads, and who took it away"
explain oci:source:latest /gone/x /opt/app/data/secret /opt/app/data/old \
	/opt/app/data/onee /etc/passwd/x /usr/sbin/busybox >explain.out
says /gone/x 'not there / has no gone' 'nearest rule none'
says /opt/app/data/secret 'not there /opt/app/data has no secret' \
	'named by policy.yaml:5 keep /opt/app/data/**' 'layer 2 of 4 has it' \
	'layer 3 of 4 deletes /opt/app/data/secret'
says /opt/app/data/old 'layer 1 of 4 has it' 'layer 3 of 4 deletes'
says /opt/app/data/onee 'there is /opt/app/data/one'
says /etc/passwd/x 'not there /etc/passwd is no directory'
says /usr/sbin/busybox 'there is /usr/bin/busybox'

echo "# JSON"
explain --json oci:source:latest /bin/app /usr/bin/sh /gone \
	/opt/app/data/attr /opt/app/data/secret >explain.json
python3 - <<'END'
import json
app, sh, gone, attr, secret = json.load(open("explain.json"))
assert app["in_image"] and app["kept"], app
assert app["rule"] == {"origin": "policy.yaml:3", "pattern": "/bin/app"}, app
assert app["chain"] == [] and app["lies_at"] == "/usr/bin/app", app
assert sh["in_image"] and not sh["kept"] and sh["why"] == "not kept", sh
assert not gone["in_image"] and gone["way_ends_at"] == "/", gone
assert attr["dropped"]["origin"] == "policy.yaml:9", attr
assert attr["in_spite_of"]["origin"] == "policy.yaml:5", attr
assert [(l["layer"], l["act"]) for l in secret["layers"]] == \
    [(2, "has it"), (3, "deletes")], secret
END

echo "# bad input"
expect_status 2 "$winnow" explain --policy policy.yaml oci:source:latest
expect_text err 'too few arguments'
expect_error 'source/index.json has no tag none' explain oci:source:none /x
long=$(printf '%0300d' 0)
expect_error 'explain: ' explain oci:source:latest "/$long"
echo "ok"
