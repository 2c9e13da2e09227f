#!/bin/bash
# What was served once is served again without an upstream, also after a
# restart.
. "$(dirname "$0")/lib.sh"

need docker-registry skopeo
small_policies
start_upstream "$(image_layouts small)" small:1
start_winnowd "$upstream"

pull()
{
	skopeo copy -q --src-tls-verify=false "docker://$proxy/$1" "dir:$2"
}

check 'the variant is pulled' pull small:1 "$dir/first"
check 'the original is pulled' pull original/small:1 "$dir/first-original"
stop upstream
check 'again, without the upstream' pull small:1 "$dir/second"
check 'the same image' diff -r "$dir/first" "$dir/second"
stop winnowd
start_winnowd
check 'again, after a restart' pull small:1 "$dir/third"
check 'the same image' diff -r "$dir/first" "$dir/third"
check 'the original too' pull original/small:1 "$dir/third-original"
check 'the same original' diff -r "$dir/first-original" "$dir/third-original"
digest=sha256:$(sha256sum "$dir/first/manifest.json" | cut -c1-64)
check 'by the digest of the variant' pull "small@$digest" "$dir/fourth"
finish
