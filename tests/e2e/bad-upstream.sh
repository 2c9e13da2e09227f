#!/bin/bash
# An upstream that lies: the client gets an OCI error that names the reason,
# nothing is cached, and once the upstream is right the same pull works.
. "$(dirname "$0")/lib.sh"

small_policies
layouts=$(image_layouts small)
address=127.0.0.1:$(free_port)
start_ready upstream 20 answers "http://$address/v2/" -- \
    python3 "$tests/e2e/upstream.py" "$address" "$layouts" "$dir/fault"
start_winnowd "http://$address"

# fault NAME PATTERN: with that fault the pull fails for that reason.
fault()
{
	local answer
	echo "$1" > "$dir/fault"
	answer=$(manifest small 1)
	has "$1: an OCI error" "$answer" '"errors": *\[ *\{ *"code": *"[A-Z_]+"'
	has "$1: says why" "$(jq -r '.errors[0].message' <<< "$answer")" "$2"
	is "$1: nothing is cached" "$(find "$dir/store/blobs" -type f \
	    -newer "$dir/fault" | xargs -r grep -l 'small-fault')" ''
}

fault wrong-bytes '[Dd]igest|sha256'
fault truncated '[Tt]runcated|short|ended|bytes|closed|[Dd]igest'
fault missing-blob '404|not found|[Uu]nknown|missing'
fault not-a-tar '[Tt]ar|archive|format'
fault no-platform '[Pp]latform'
fault server-error '50[0-9]'
echo none > "$dir/fault"
has 'without fault the pull works' "$(manifest small 1)" '"manifests":|"layers":'
finish
