#!/bin/bash
# max_size: what was unused the longest goes, whole images; asked for by digest
# it comes back with the same bytes; clients that pull meanwhile lose nothing.
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
start_winnowd "oci:$layouts" 'wait: 1m'
# fetch PATH: the digest of what /v2/PATH answers; nothing when it fails.
fetch()
{
	local file=$dir/fetched.$BASHPID
	curl -fsS -m 60 -H "Accept: $accept" -o "$file" \
	    "http://$proxy/v2/$1" && sha256sum "$file" | cut -c1-64
}
has_file() { test -e "$dir/store/blobs/sha256/${1:7:2}/${1:7}"; }

# --- purge, and what a digest still gets ---
top=sha256:$(fetch small/manifests/1)
image=$(platform_manifest small 1)
child=sha256:$(printf %s "$image" | sha256sum | cut -c1-64)
layer=$(jq -r '.layers | max_by(.size).digest' <<< "$image")
config=$(jq -r .config.digest <<< "$image")
fetch original/small/manifests/1 > /dev/null
original=$(platform_manifest original/small 1)
source_layer=$(jq -r '.layers | max_by(.size).digest' <<< "$original")
is 'the original is pulled' "sha256:$(fetch "original/small/blobs/$source_layer")" \
    "$source_layer"
out=$(admin purge small:1)
has 'purge says what it did' "$out" '^small:1: [1-9][0-9]* blobs removed, [0-9.]+ [KM]iB'
check 'the layer is gone' fails has_file "$layer"
check 'that of the original is not' has_file "$source_layer"
is 'the layer by its digest: the same bytes' \
    "sha256:$(fetch "small/blobs/$layer")" "$layer"
is 'built again for that' "$(admin_status .builds.built)" 2
admin purge small:1 > "$dir/purge.out" 2>&1
has 'a tag that is forgotten is not known' "$(cat "$dir/purge.out")" 'knows no'
out=$(admin purge small)
for digest in "$top" "$child"; do
	is 'a manifest by its digest: the same bytes' \
	    "sha256:$(fetch "small/manifests/$digest")" "$digest"
done
is 'the config' "sha256:$(fetch "small/blobs/$config")" "$config"
is 'the tag is the same variant' "sha256:$(fetch small/manifests/1)" "$top"
# The policy changes: the old variant is still what its digest says.
printf '  user: "65534"\n' >> "$policies/small.yaml"
admin reload > /dev/null
is 'another policy, another variant' \
    "$([ "sha256:$(fetch small/manifests/1)" != "$top" ] && echo differs)" differs
admin purge --all > /dev/null
check 'purge --all leaves little' test "$(admin_status .cache.blobs)" -lt 3
is 'the old variant, by the policy of its time' \
    "sha256:$(fetch "small/manifests/$top")" "$top"
is 'and its layer' "sha256:$(fetch "small/blobs/$layer")" "$layer"
# Other versions of winnow made the same bytes, under keys of their own.
python3 - "$dir/store/winnow.db" "${top#sha256:}" <<'EOF'
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as db:
    for key in b"\0", b"\xff":
        made = db.execute("INSERT INTO variant SELECT ?, scope, source, digest,"
            " recipe, policy FROM variant WHERE digest = ? LIMIT 1",
            (key * 32, bytes.fromhex(sys.argv[2])))
        assert made.rowcount == 1
EOF
admin purge --all > /dev/null
is 'what other versions made, too, this one makes again' \
    "sha256:$(fetch "small/manifests/$top")" "$top"
is 'and its layer' "sha256:$(fetch "small/blobs/$layer")" "$layer"
is 'the original comes back too' \
    "sha256:$(fetch "original/small/blobs/$source_layer")" "$source_layer"
out=$(admin purge 2>&1)
is 'purge needs to be told what' "$?" 2

# --- max_size, with clients ---
# Twelve images of the same shape, each with a megabyte of its own.
python3 - "$dir/many" <<'EOF'
import gzip, hashlib, io, json, os, random, sys, tarfile
top = sys.argv[1] + "/library/many"
os.makedirs(top + "/blobs/sha256")
def blob(data):
    d = hashlib.sha256(data).hexdigest()
    open(f"{top}/blobs/sha256/{d}", "wb").write(data)
    return "sha256:" + d, len(data)
def layer(names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data in names:
            i = tarfile.TarInfo(name)
            i.size = len(data)
            i.mode = 0o755
            t.addfile(i, io.BytesIO(data))
    return out.getvalue()
manifests = []
for n in range(12):
    rng = random.Random(n)
    tars = [layer([("etc/passwd", b"root:x:0:0::/:/x\n")]),
            layer([("data", rng.randbytes(1 << 20))])]
    diffs = ["sha256:" + hashlib.sha256(t).hexdigest() for t in tars]
    layers = [blob(gzip.compress(t, mtime=0)) for t in tars]
    config, size = blob(json.dumps({"architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["/data"]},
        "rootfs": {"type": "layers", "diff_ids": diffs}}).encode())
    kind = "application/vnd.oci.image."
    m, msize = blob(json.dumps({"schemaVersion": 2,
        "mediaType": kind + "manifest.v1+json",
        "config": {"mediaType": kind + "config.v1+json", "digest": config, "size": size},
        "layers": [{"mediaType": kind + "layer.v1.tar+gzip", "digest": d, "size": s}
                   for d, s in layers]}).encode())
    manifests.append({"mediaType": kind + "manifest.v1+json", "digest": m,
        "size": msize, "annotations": {"org.opencontainers.image.ref.name": f"v{n}"}})
json.dump({"schemaVersion": 2, "manifests": manifests}, open(top + "/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(top + "/oci-layout", "w"))
EOF
cat > "$policies/many.yaml" <<-'EOF'
	repository: docker.io/library/many
	keep: [/etc/passwd, /data]
	config: { entrypoint: null, cmd: null }
	EOF
stop winnowd
rm -rf "$dir/store"
start_winnowd "oci:$dir/many" 'wait: 1m' 'max_size: 6M' 'tag_ttl: 1h'

# pull REPOSITORY TAG: as a client does, with every digest checked.
cat > "$dir/pull.py" <<-'EOF'
	import hashlib, json, random, sys, urllib.request
	base, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
	rng = random.Random(seed)
	def get(path, digest=None):
	    r = urllib.request.Request(base + path, headers={"Accept":
	        "application/vnd.oci.image.manifest.v1+json"})
	    with urllib.request.urlopen(r, timeout=120) as f:
	        data = f.read()
	    got = "sha256:" + hashlib.sha256(data).hexdigest()
	    assert digest in (None, got), (path, digest, got)
	    return data
	for _ in range(rounds):
	    name = rng.choice(["many", "original/many"])
	    m = json.loads(get(f"{name}/manifests/v{rng.randrange(12)}"))
	    for d in [m["config"]] + m["layers"]:
	        get(f"{name}/blobs/{d['digest']}", d["digest"])
	print("done")
	EOF
clients=()
for i in $(seq 50); do
	python3 "$dir/pull.py" "http://$proxy/v2/" "$i" 8 > "$dir/client.$i" 2>&1 &
	clients+=($!)
done
good=0
for i in $(seq 50); do
	wait "${clients[$((i - 1))]}"
	grep -q '^done$' "$dir/client.$i" && good=$((good + 1))
done
is '50 clients pulled while blobs were evicted' "$good" 50
[ "$good" = 50 ] || tail -n 3 "$dir"/client.* | head -20
small_enough() { [ "$(admin_status .cache.bytes)" -le $((6 << 20)) ]; }
check 'then the store is below max_size' wait_for 40 small_enough
check 'blobs were evicted' test "$(admin_status .cache.evicted_blobs)" -gt 0
note "evicted: $(admin_status '.cache | "\(.evicted_blobs) blobs, \(.evicted_bytes) bytes"'), left $(admin_status .cache.bytes)"
is 'what the store says it holds, it holds' "$(admin_status .cache.bytes)" \
    "$(find "$dir/store/blobs" -type f -printf '%s\n' | awk '{ s += $1 } END { print s + 0 }')"
check 'and whole' eval "! find '$dir/store/blobs' -type f | while read -r f; do
	[ \"\$(sha256sum < \"\$f\" | cut -c1-64)\" = \"\${f##*/}\" ] || echo \"\$f\"; done | grep ."

# --- least recently used ---
stop winnowd
rm -rf "$dir/store"
start_winnowd "oci:$dir/many" 'wait: 1m' 'max_size: 20M' 'tag_ttl: 1h'
layer_of() { manifest many "$1" | jq -r '.layers[1].digest'; }
first=$(layer_of v0) second=$(layer_of v1)
for i in $(seq 2 5); do fetch "many/manifests/v$i" > /dev/null; done
# v0 is used again, by a hit that core does not see; then room for four only.
# A server reports the uses of an answer every five seconds at the most.
sleep 6
manifest many v0 > /dev/null
sed -i 's/^max_size: .*/max_size: 4500K/' "$dir/winnow.conf"
admin reload > /dev/null
check 'a lower max_size after a reload is reached' wait_for 40 \
    eval '[ "$(admin_status .cache.bytes)" -le $((4500 << 10)) ]'
check 'what was used last is there' has_file "$first"
check 'what was not is gone' fails has_file "$second"
is 'and comes back with the same bytes' \
    "sha256:$(fetch "many/blobs/$second")" "$second"

# --- what was evicted long ago is forgotten; here after a second ---
stop winnowd
rm -rf "$dir/store"
start_winnowd "oci:$dir/many" 'wait: 1m' 'forget_after: 1s' 'tag_ttl: 1h'
# rows TABLE...: how many there are in the database.
rows()
{
	python3 - "$dir/store/winnow.db" "$@" <<-'EOF'
		import sqlite3, sys
		db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
		print(sum(db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
		          for t in sys.argv[2:]))
	EOF
}
tables='blob holds layer_index tag manifest reach child map variant derived policy'
emptied() { admin purge --all > /dev/null; [ "$(admin_status .cache.blobs)" = 0 ]; }
forgotten() { [ "$(rows reach holds tag layer_index derived)" = 0 ]; }
counts=
for cycle in 1 2 3; do
	for i in $(seq 0 11); do
		fetch "many/manifests/v$i" > /dev/null
		fetch "many/blobs/$(layer_of "v$i")" > /dev/null
		fetch "original/many/manifests/v$i" > /dev/null
	done
	[ "$cycle" = 1 ] && note "rows while all is here: $(rows $tables)"
	wait_for 60 emptied && wait_for 60 forgotten ||
	    note "rows that stay: $(rows $tables)"
	counts="$counts $(rows $tables)"
done
# Of each variant its recipe, its digest and its source's; of all one policy.
is 'rows after each of three cycles: three for each variant' "$counts" ' 37 37 37'
variant=sha256:$(fetch many/manifests/v3)
wait_for 60 emptied && wait_for 60 forgotten
check 'the log says what was forgotten' grep -q 'store.forgot' "$dir/winnowd.log"
is 'a variant by its digest: the same bytes' \
    "sha256:$(fetch "many/manifests/$variant")" "$variant"
layer=$(layer_of "$variant")
is 'and its layer' "sha256:$(fetch "many/blobs/$layer")" "$layer"
# Without its policy nobody could ask for it any more.
wait_for 60 emptied && rm "$policies/many.yaml" && admin reload > /dev/null
all_gone() { [ "$(rows $tables)" = 0 ]; }
check 'without a policy nothing of it stays' wait_for 60 all_gone
finish
