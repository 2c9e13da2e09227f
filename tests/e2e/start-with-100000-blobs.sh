#!/bin/bash
# winnowd needs less than a second for 100,000 cached blobs, or on a slow machine
# no more than some times what find(1) does, and still sees which are damaged.
. "$(dirname "$0")/lib.sh"

small_policies
mkdir -p "$dir/layouts"
start_winnowd "oci:$dir/layouts"
stop winnowd
# Blobs of a few bytes, each held by one of 10,000 manifests.
python3 - "$dir/store" <<'EOF'
import hashlib, os, sqlite3, sys
top = sys.argv[1]
db = sqlite3.connect(top + "/winnow.db")
blobs, holds = [], []
for i in range(100000):
    data = b"blob %d" % i
    d = hashlib.sha256(data)
    with open(f"{top}/blobs/sha256/{d.hexdigest()[:2]}/{d.hexdigest()}", "wb") as f:
        f.write(data)
    blobs.append((d.digest(), len(data), i))
    holds.append((blobs[i // 10 * 10][0], d.digest()))
db.executemany("INSERT INTO blob VALUES (?, ?, ?)", blobs)
db.executemany("INSERT OR IGNORE INTO holds VALUES (?, ?)", holds)
db.executemany("INSERT INTO manifest VALUES ('x', ?, 't', 1, 0)",
               [(b[0],) for b in blobs[::10]])
db.commit()
EOF
# One is cut, one is gone, one has no row.
mapfile -t some < <(find "$dir/store/blobs/sha256/00" -type f | sort | head -2)
truncate -s 1 "${some[0]}"
rm "${some[1]}"
stranger=$dir/store/blobs/sha256/ff/ff$(printf '%062d' 0)
echo > "$stranger"

began=$(date +%s%3N)
start winnowd "$winnowd" -c "$dir/winnow.conf"
wait_for 60 answers "http://$proxy/v2/"
took=$(($(date +%s%3N) - began))
# Other work on the machine makes the clock lie: what winnowd's core computed.
cpu=$(awk '{ print ($14 + $15) * 10 }' "/proc/${pids[winnowd]}/stat")
# A slow machine is slow for everybody: what looking at each file costs find.
TIMEFORMAT='%U %S'
find_ms=$( { time find "$dir/store/blobs" -type f -size +9 > "$dir/found"; } 2>&1 |
    awk '{ print int(($1 + $2) * 1000) }')
note "ready after $took ms, of which core computed $cpu ms; find computes $find_ms ms"
limit=$((find_ms * 4))
[ "$limit" -ge 1000 ] || limit=1000
# Builds with sanitizers are several times slower.
nm "$winnowd" 2> /dev/null | grep -q __asan_init && limit=$((limit * 8))
check "ready with less than $limit ms of core's time" test "$cpu" -lt "$limit"
is 'the damaged are forgotten' "$(admin_status .cache.blobs)" 99998
check 'and removed' fails test -e "${some[0]}"
check 'so is what has no row' fails test -e "$stranger"
finish
