#!/bin/bash
# An upstream that lies: the client gets an OCI error that names the reason,
# nothing is cached, and once the upstream is right the same pull works.
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
address=127.0.0.1:$(free_port)
start_ready upstream 20 answers "http://$address/v2/" -- \
    python3 "$tests/e2e/upstream.py" "$address" "$layouts" "$dir/fault"
winnowd_config "http://$address" "tag_ttl: 1s"

# A store may hold manifests and configs of what failed, never a layer.
stored_layers()
{
	find "$dir/store/blobs" -type f 2> /dev/null | while read -r file; do
		jq -e . "$file" > /dev/null 2>&1 || echo "$file"
	done
}

pull_works() { matches "$(manifest small 1)" '"manifests":|"layers":'; }

# fault NAME PATTERN: with that fault the pull fails for that reason; without
# it the same daemon serves the image.
fault()
{
	local answer
	rm -rf "$dir/store"
	start_winnowd
	echo "$1" > "$dir/fault"
	answer=$(manifest small 1)
	has "$1: an OCI error" "$answer" '"errors": *\[ *\{ *"code": *"[A-Z_]+"'
	has "$1: says why" "$(jq -r '.errors[0].message' <<< "$answer")" "$2"
	is "$1: nothing is cached" "$(stored_layers)" ''
	echo none > "$dir/fault"
	check "$1: without it the pull works" wait_for 20 pull_works
	stop winnowd
}

fault wrong-bytes '[Dd]igest|sha256'
fault truncated '[Tt]runcated|short|ended|bytes|closed|[Dd]igest'
fault missing-blob '404|not found|[Uu]nknown|missing'
fault not-a-tar '[Tt]ar|archive|format'
fault no-platform 'no image for linux'
fault server-error '50[0-9]'
finish
