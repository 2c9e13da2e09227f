#!/bin/sh
# A real registry as upstream.
set -eu
. "$top_srcdir/tests/daemon/lib.sh"

for tool in docker-registry skopeo; do
	command -v $tool >/dev/null || { echo "no $tool here"; exit 77; }
done
make_layout 3000000
port=$(python3 "$lib/free_port.py")
cat >"$work/config.yml" <<END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
docker-registry serve "$work/config.yml" >"$work/registry.log" 2>&1 &
pids="$pids $!"
url=http://127.0.0.1:$port
wait_for "$driver" "$url" head x 1
wait_for skopeo copy --dest-tls-verify=false "oci:$work/layout:1" \
    "docker://127.0.0.1:$port/library/app:1"

run "$url/" head library/app 1 manifest library/app 1 \
    manifest library/app "$manifest" manifest library/none 1 \
    blob library/app "$layer" "$layer_size" and \
    blob library/app "$layer" "$layer_size"
type=application/vnd.oci.image.manifest.v1+json
tags=$("$driver" $url tags library/app)
[ "$tags" = "ok 1" ] || { echo "FAILED: tags: $tags"; failures=1; }
check "a registry answers" "ok $manifest $type -
ok $manifest $type $manifest_size
ok $manifest $type $manifest_size
error not-found test.example: library/none:1: registry answered 404: *
ok $layer $layer_size
ok $layer $layer_size"

[ $failures -eq 0 ]
