#!/bin/sh
# "Will it start?": each refusal names the line to add under keep:.  Adding
# what it says, and nothing else, ends with a variant that starts.
. "$(dirname "$0")/../lib/shell.sh"

[ "$(id -u)" = 0 ] || skip "chroot needs root"
need umoci python3 bash env ldd
# Of which the variants' bash would say that they lack it.
unset LC_ALL

# install PROGRAM PATH: copies it, and its libraries to where they are.
install_program() {
	mkdir -p "root/$(dirname "$2")"
	cp "$(realpath "$(command -v "$1")")" "root/$2"
	ldd "root/$2" | sed -n 's/^[^\/]*\(\/[^ ]*\) (.*/\1/p' |
		while read -r library; do
			mkdir -p "root/$(dirname "$library")"
			cp -n "$(realpath "$library")" "root/$library"
		done
}

mkdir -p root/usr/bin root/usr/local/bin root/opt/app root/srv root/etc
ln -s usr/bin root/bin
# The libraries are where this machine has them, with or without a link.
for name in lib lib64; do
	[ ! -L "/$name" ] || {
		mkdir -p "root/usr/$name"
		ln -s "usr/$name" "root/$name"
	}
done
install_program bash usr/bin/bash-real
install_program env usr/bin/env
ln -s bash-real root/usr/bin/bash
echo data >root/srv/data
echo "app:x:500:500::/srv:/usr/sbin/nologin" >root/etc/passwd
odd="opt/app/it's [a] {b}, c*"
mkdir "root/$odd"
printf '#!/usr/bin/env bash\necho started "$@" in "$PWD"\n' \
	>"root/$odd/start"
chmod 755 "root/$odd/start"
ln -s "/$odd/start" root/usr/local/bin/start

# until_it_starts NAME CONFIG RULES: follows what is said, RULES times.
until_it_starts() {
	python3 "$top_srcdir/tests/lib/dir_layout.py" root "$1" "$2"
	printf 'repository: docker.io/library/x\nkeep:\n  - /srv/data\n' \
		>"$1.yaml"
	rules=0
	until "$winnow" strip --policy "$1.yaml" --sets "$work" \
		"oci:$1" "oci:$1.out:v" >"$1.log" 2>&1; do
		rule=$(sed -n 's/.* add under keep: \(- .*\)$/\1/p' "$1.log")
		[ -n "$rule" ] || fail "no rule to add: $(cat "$1.log")"
		! grep -qxF -- "  $rule" "$1.yaml" ||
			fail "the same rule again: $(cat "$1.log")"
		echo "  $rule" >>"$1.yaml"
		rules=$((rules + 1))
	done
	[ "$rules" = "$3" ] || fail "$rules rules: $(cat "$1.yaml")"
	umoci unpack --image "$1.out:v" "$1.bundle" >/dev/null
}

echo "# a link to a script, env, bash through a link, a user by name"
until_it_starts link '{"Entrypoint": ["start", "x"], "User": "app",
    "WorkingDir": "/srv"}' 4
out=$(cd link.bundle/rootfs && chroot . /usr/local/bin/start x)
[ "$out" = "started x in /" ] || fail "the variant says \"$out\""

echo "# a path that YAML and patterns read otherwise"
until_it_starts odd "{\"Entrypoint\": [\"/$odd/start\"]}" 3
out=$(chroot odd.bundle/rootfs "/$odd/start")
[ "$out" = "started in /" ] || fail "the variant says \"$out\""

echo "# the shell form, through the link /bin"
until_it_starts shell '{"Cmd": ["/bin/bash", "-c", "echo $0"]}' 1
out=$(chroot shell.bundle/rootfs /bin/bash -c 'echo works')
[ "$out" = works ] || fail "the variant says \"$out\""

echo "# a health check does not keep the container from starting"
until_it_starts health '{"Cmd": ["/bin/bash"],
    "Healthcheck": {"Test": ["CMD", "/usr/bin/env", "true"]}}' 1
grep -q 'the health check cannot run: .* add under keep: - /usr/bin/env' \
	health.log || fail "no word about the health check: $(cat health.log)"
echo "ok"
