#!/bin/bash
# Any write below the store may fail, in core and in workers: the client gets
# an error that says why, winnowd stays up and serves what it has, and when the
# fault is over the next pull has the same digests; every blob verifies.
# FAULTS=all tries every call (make check-long-faults), FAULTS=K the K-th, else
# a spread of them.  IMAGE=other is one layer, and far fewer calls.
. "$(dirname "$0")/lib.sh"

need_root
need docker-registry skopeo python3 cc
image=${IMAGE:-small}
small_policies
cat > "$policies/other.yaml" << 'END'
repository: docker.io/library/other
keep: [/data]
END
layouts=$(image_layouts small)
python3 "$tests/lib/zoo_layout.py" "$dir/zoo" || bail 'cannot make images'
start_upstream "$layouts" small:1 -- "$dir/zoo" image:1 other:1
make -s -C "$top_builddir" tests/lib/libfaults.so || bail 'no libfaults.so'
# Copies: who builds meanwhile changes nothing.
cp "$top_builddir/tests/lib/libfaults.so" "$winnowd" "$dir"
mkdir "$dir/store"
mount -t tmpfs -o size=100m winnow-test "$dir/store" || bail 'cannot mount'
start_winnowd "$upstream" 'admin: []'

digest() { skopeo inspect --tls-verify=false --raw "docker://$proxy/$1" | sha256sum | cut -c1-64; }

skopeo copy -q --src-tls-verify=false "docker://$proxy/original/image:1" \
    "dir:$dir/image" || bail 'the image cannot be pulled at all'
before=$(digest original/image:1)
stop winnowd
cp -a "$dir/store" "$dir/template"
start_winnowd
cat > "$dir/wanted.json" << END
{ "proxy": "$proxy",
  "image": "$image:1",
  "original/image:1": "sha256:$before",
  "$image:1": "sha256:$(digest "$image:1")",
  "original/$image:1": "sha256:$(digest "original/$image:1")" }
END
stop winnowd

# faults MODE MOMENT [COUNT]
faults()
{
	case ${FAULTS:-} in
	all) set -- "$1" "$2" ;;
	[0-9]*) set -- "$1" "$2" "=$FAULTS" ;;
	esac
	check "$2, $1" python3 "$tests/lib/store_faults.py" "$dir" "$@"
	grep '^#' "$dir/check.out"
}

modes=${MODES:-no-space full io-error read-only short}
for mode in $modes; do
	faults "$mode" variant 3
	faults "$mode" original 2
done
[ "${FAULTS:-}" = all ] || modes="full io-error"
for mode in $modes; do
	faults "$mode" start 2
	faults "$mode" stop 1
done
wait_for 20 umount "$dir/store" || bail "cannot unmount"
finish
