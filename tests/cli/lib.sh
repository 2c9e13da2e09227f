# lib.sh: what the tests of the command line share.  A work directory with the
# image of tests/engine/make_image.py as oci:source:latest, and a policy.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib/shell.sh"

need python3 busybox
[ "$(uname -m)" = x86_64 ] || skip "the image is for amd64"

# without_layers DIR COPY: the layout without what is no JSON.
without_layers() {
	cp -r "$1" "$2"
	python3 - "$2" <<'END'
import glob, os, sys
for name in glob.glob(sys.argv[1] + "/blobs/sha256/*"):
    with open(name, "rb") as f:
        if f.read(1) != b"{":
            os.unlink(name)
END
}

python3 "$top_srcdir/tests/engine/make_image.py" source
mkdir sets
cat >policy.yaml <<'END'
repository: docker.io/library/app
keep:
  - /bin/app
  - /opt/app/bin/*
  - /opt/app/data/**
  - /etc/passwd
  - /tmp
drop:
  - /opt/app/data/attr
config:
  entrypoint: [app]
  user: app
audit:
  fail_on: [shell, package-manager]
END
