#!/bin/bash
# A clock that jumps: a tag that was checked "next year" is not trusted until
# then, one that was checked long ago is asked for again, and nothing is lost.
. "$(dirname "$0")/lib.sh"

need docker-registry skopeo
libfaketime=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
[ -n "$libfaketime" ] || skip_all 'no libfaketime'
small_policies
start_upstream "$(image_layouts small)" small:1
winnowd_config "$upstream"
mkdir "$dir/store"

# winnowd_at OFFSET: by a clock that is wrong by so much.
winnowd_at()
{
	start_ready winnowd 20 answers "http://$proxy/v2/" -- \
	    env LD_PRELOAD="$libfaketime" FAKETIME="$1" \
	    FAKETIME_DONT_FAKE_MONOTONIC=1 "$winnowd" -c "$dir/winnow.conf"
}


asked() { grep -c 'HEAD /v2/library/small/manifests/1 ' "$dir/upstream.log"; }
# The registry writes its log when it has answered.
asked_times() { same "$(asked)" "$1"; }
digest() { manifest small 1 | sha256sum; }

winnowd_at +1y
first=$(digest)
check 'upstream was asked for the tag' wait_for 10 asked_times 1
stop winnowd
start_winnowd
is 'back from next year: the same image' "$(digest)" "$first"
check 'the tag was checked again' wait_for 10 asked_times 2
is 'and is trusted now' "$(digest; asked)" "$first
2"
stop winnowd
winnowd_at -1y
is 'back to last year: the same image' "$(digest)" "$first"
check 'the tag was checked again' wait_for 10 asked_times 3
stop winnowd
start_winnowd
stop upstream
is 'and without an upstream, the last known image' "$(digest)" "$first"
finish
