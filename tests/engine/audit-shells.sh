#!/bin/sh
# winnow audit: shells and multicall programs of this machine are found under
# other names, in every form that files have; what is none is not.
. "$(dirname "$0")/../lib/shell.sh"

need python3 bash dash busybox objcopy

# program NAME: where the real file is.
program() {
	realpath "$(command -v "$1")"
}

# image DIR: an OCI layout with the files of DIR as its layer.
image() {
	python3 "$top_srcdir/tests/lib/dir_layout.py" "$1" "$1.oci" ||
		fail "cannot make an image of $1"
}

# audited DIR: the findings of shells and multicall programs, as lines.
audited() {
	"$winnow" audit --all "oci:$1.oci" >"$1.out" || :
	sed -n 's/^\(shell\|multicall\) */\1 /p' "$1.out"
}

mkdir -p full/opt full/lib/x
cp "$(program bash)" full/opt/report
objcopy --strip-all "$(program bash)" full/opt/stripped
cp "$(program dash)" full/lib/x/libz.so.1
chmod 644 full/lib/x/libz.so.1
cp "$(program busybox)" full/opt/init
ln full/opt/init full/opt/other
ln -s report full/opt/first
ln -s /opt/first full/opt/second
cp "$(program dash)" full/opt/setuid
chmod 4755 full/opt/setuid
printf '#!/bin/sh\nGNU bash, version \nIllegal number: %%s\n' >full/opt/text
chmod 755 full/opt/text
image full
audited full >found
cat >expected <<'END'
shell /lib/x/libz.so.1: an Almquist shell (dash, ash) by content, not executable
shell /opt/first: symbolic link to opt/report
shell /opt/init: BusyBox by content
shell /opt/report: GNU bash by content
shell /opt/second: symbolic link to opt/report
shell /opt/setuid: an Almquist shell (dash, ash) by content
shell /opt/stripped: GNU bash by content
multicall /opt/init: BusyBox by content
END
echo "# renamed, stripped, linked, setuid, not executable"
diff -u expected found || fail "other shells are found"
grep -q '^setuid  */opt/setuid: mode 4755' full.out || fail "no setuid"
grep -q '^distroless: no: 7 shells (/lib/x/libz.so.1: an Almquist' full.out ||
	fail "$(tail -n 1 full.out)"

# Optional ones: whatever of them this machine has.
echo "# other shells, as far as they are installed"
mkdir -p more
for name in zsh mksh lksh ksh93 tcsh fish yash posh sash toybox; do
	path=$(command -v "$name") || continue
	cp "$(realpath "$path")" "more/x-$name"
done
if [ -n "$(ls more)" ]; then
	image more
	audited more >found
	for file in more/*; do
		grep -q "/${file#more/}: .* by content" found ||
			fail "$file is not found"
	done
fi

# packed DIR: the packed programs that an audit finds.
packed() {
	image "$1"
	"$winnow" audit --all "oci:$1.oci" >"$1.out" || :
	sed -n 's/^packed */packed /p' "$1.out"
}

# Debian 12 has no upx-ucl.
if command -v upx-ucl >/dev/null; then
	echo "# packed by UPX, also with its magic overwritten"
	mkdir pack
	cp "$(program busybox)" pack/static
	cp "$(program dash)" pack/linked
	upx-ucl -q pack/static pack/linked >upx.log || fail "$(cat upx.log)"
	sed 's/UPX!/XXXX/g' pack/linked >pack/hidden
	packed pack >found
	cat >expected <<'END'
packed /hidden: UPX: its contents cannot be judged, not executable
packed /linked: UPX: its contents cannot be judged
packed /static: UPX: its contents cannot be judged
END
	diff -u expected found || fail "$(cat pack.out)"
	grep -q '^distroless: yes, but for 3 packed executables (' pack.out ||
		fail "$(tail -n 1 pack.out)"
fi

echo "# what is no shell: libraries, editors, debuggers, documentation"
mkdir -p none/bin none/share
for name in gdb vim git ssh less tmux screen getopt su env perl python3 node \
	curl openssl readelf ld make sqlite3 psql docker skopeo; do
	path=$(command -v "$name") || continue
	cp "$(realpath "$path")" "none/bin/x-$name"
done
for file in /usr/lib/*/libreadline.so* /usr/lib/*/libc.so.6 \
	/usr/lib/*/libedit.so* /usr/share/bash-completion/bash_completion \
	/usr/share/doc/bash /usr/share/doc/dash /etc/profile; do
	[ ! -e "$file" ] || cp -r "$file" none/share
done
image none
audited none >found
[ ! -s found ] || fail "taken for shells: $(cat found)"
grep -q '^distroless: yes$' none.out || fail "$(tail -n 1 none.out)"

echo "# --json says the same"
"$winnow" audit --json oci:full.oci >full.json && fail "exit status 0"
python3 - <<'END' || fail "the JSON differs"
import json
audit = json.load(open("full.json"))
assert not audit["distroless"] and audit["verdict"].startswith("no: 7 shells")
shells = [f for f in audit["findings"] if f["category"] == "shell"]
assert len(shells) == 7 and shells[0] == {
    "category": "shell", "path": "lib/x/libz.so.1",
    "detail": "an Almquist shell (dash, ash) by content, not executable"}, \
    shells
END

echo "# a policy excuses and forbids"
cat >policy.yaml <<'END'
repository: docker.io/library/x
keep: [/opt/**]
audit:
  fail_on: [setuid]
  exceptions:
    - path: /opt/report
      reason: the test says so
END
"$winnow" audit --policy policy.yaml --sets . oci:full.oci >policy.out &&
	fail "exit status 0"
grep -q '^shell  */opt/report: GNU bash by content (excused: the test says so)' \
	policy.out || fail "not excused: $(cat policy.out)"
grep -q '^setuid  */opt/setuid: .* (forbidden)' policy.out ||
	fail "not forbidden: $(cat policy.out)"
echo "ok"
