#!/bin/bash
# bench-serve.sh [ROUNDS [SECONDS]]: hits, in one run on this machine: winnow,
# nginx with the same bytes as static files and as many processes, and
# docker-registry as a proxy.  Rounds are interleaved and medians printed.
# Beside what wrk saw it prints the processor time of the servers for each
# request or GiB, which other load on the machine disturbs less.
. "$(dirname "$0")/e2e/lib.sh"
. "$tests/e2e/certificates.sh"

rounds=${1:-5} seconds=${2:-3}
processes=2
need wrk nginx docker-registry skopeo
say() { echo "==> $*" >&2; }

# The image: a manifest of some hundred bytes, and a blob of 64 MiB.
make_image()
{
	layouts=$dir/layouts
	mkdir -p "$layouts/library"
	python3 "$tests/lib/tiny_layout.py" "$layouts/library/bench" 1 \
	    $((64 << 20)) > "$dir/names" || bail 'cannot make the image'
	manifest=$(awk '$1 == "manifest" { print $2 }' "$dir/names")
	layer=$(awk '$1 == "layer" { print $2 }' "$dir/names")
}

# nginx has the bytes at the same paths.
start_nginx()
{
	local root=$dir/www/v2/bench type
	type=$(curl -fsS -o "$dir/manifest" -w '%{content_type}' \
	    "http://$proxy/v2/bench/manifests/1") || bail 'no manifest'
	mkdir -p "$root/manifests" "$root/blobs"
	cp "$dir/manifest" "$root/manifests/1"
	cp "$dir/manifest" "$root/manifests/$manifest"
	curl -fsS -o "$root/blobs/$layer" \
	    "http://$proxy/v2/bench/blobs/$layer" || bail 'no blob'
	addresses[nginx]=127.0.0.1:$(free_port)
	addresses[nginx-tls]=127.0.0.1:$(free_port)
	cat > "$dir/nginx.conf" <<-END
	daemon off;
	worker_processes $processes;
	pid $dir/nginx.pid;
	error_log stderr;
	events { worker_connections 20000; }
	http {
		access_log $dir/nginx-access.log;
		sendfile on;
		tcp_nopush on;
		keepalive_requests 1000000000;
		default_type $type;
		ssl_certificate $dir/one.pem;
		ssl_certificate_key $dir/one.key;
		server { listen ${addresses[nginx]}; root $dir/www; }
		server { listen ${addresses[nginx-tls]} ssl; root $dir/www; }
	}
	END
	chmod 755 "$dir"
	start_ready nginx 20 answers \
	    "http://${addresses[nginx]}/v2/bench/manifests/1" -- \
	    nginx -c "$dir/nginx.conf"
}

# cpu_ticks NAME: the processor time it has used.
cpu_ticks()
{
	local pid
	for pid in $(family "${pids[$1]}"); do cat "/proc/$pid/stat"; done |
	    sed 's/.*) //' | awk '{ n += $12 + $13 } END { print n }'
}

# load KIND SERVER PATH CLIENTS: one run of wrk; what it saw goes to
# KIND.SERVER.  A KIND that ends in -tls goes to the port for TLS.
load()
{
	local before out url=http://${addresses[$2]}$3
	[[ $1 != *-tls ]] || url=https://${addresses[$2-tls]}$3
	before=$(cpu_ticks "$2")
	out=$(wrk -t 2 -c "$4" -d "${seconds}s" --timeout 60s \
	    -H "Accept: $accept" \
	    -s "$tests/lib/wrk_totals.lua" "$url") ||
	    bail "wrk fails on $2"
	set -- "$1" "$2" $(sed -n 's/^totals //p' <<< "$out")
	# requests, bytes, microseconds, errors
	[ $# = 6 ] && [ "$6" = 0 ] || bail "$2: $out"
	awk -v requests="$3" -v bytes="$4" -v us="$5" \
	    -v ticks=$(($(cpu_ticks "$2") - before)) \
	    -v hz="$(getconf CLK_TCK)" 'BEGIN {
		s = us / 1e6; cpu = ticks / hz
		printf "%.0f %.3f %.2f %.3f\n", requests / s,
		    bytes / s / 2^30, cpu * 1e6 / requests,
		    cpu / (bytes / 2^30) }' >> "$dir/$1.$2"
	say "round $round: $1 $2 $(tail -n 1 "$dir/$1.$2")"
}

# median KIND SERVER COLUMN
median()
{
	awk -v n="$3" '{ print $n }' "$dir/$1.$2" | sort -g |
	    sed -n "$(((rounds + 1) / 2))p"
}

# table KIND UNIT COLUMN CPU-UNIT CPU-COLUMN SERVER...
table()
{
	local kind=$1 unit=$2 column=$3 cpu_unit=$4 cpu_column=$5 server
	shift 5
	printf '\n%-28s %12s %8s %12s %8s\n' "$kind" "$unit" ratio \
	    "$cpu_unit" ratio
	for server; do
		awk -v name="$server" -v v="$(median "$kind" "$server" "$column")" \
		    -v base="$(median "$kind" winnow "$column")" \
		    -v cpu="$(median "$kind" "$server" "$cpu_column")" \
		    -v cpu_base="$(median "$kind" winnow "$cpu_column")" 'BEGIN {
			printf "%-28s %12s %8.2f %12s %8.2f\n", name, v,
			    base / v, cpu, (cpu > 0) ? cpu_base / cpu : 0 }'
	done
}

# memory ROLE: KiB that processes of winnow with this role have of their own.
memory()
{
	local pid
	for pid in $(family "${pids[winnow]}"); do
		case $(tr '\0' ' ' < "/proc/$pid/cmdline") in
		*"--role $1 "*) ;;
		*--role*) continue ;;
		*) [ "$1" = core ] || continue ;;
		esac
		awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status"
	done | awk '{ n += $1 } END { print n }'
}

# idle_crowd COUNT: what idle clients cost, and whether others notice them.
idle_crowd()
{
	local servers core
	servers=$(memory server) core=$(memory core)
	start idle python3 "$tests/lib/slow_clients.py" idle "$1" "$proxy" \
	    /v2/bench/manifests/1
	wait_for 60 grep -q '^ready' "$dir/idle.log" || bail 'no idle clients'
	idle_memory="$(($(memory server) - servers)) $(($(memory core) - core))"
	for round in $(seq "$rounds"); do
		load manifests-idle winnow /v2/bench/manifests/1 32
		load blobs-idle winnow "/v2/bench/blobs/$layer" 8
	done
	stop idle
}

make_image
start_upstream "$layouts" bench:1
start_registry registry "$dir/cache" "$upstream"
make_authority ca
make_certificate one ca IP:127.0.0.1
winnowd_config "$upstream" \
    'tls: { certificates: [{ chain: one.pem, key: one.key }] }'
addresses[winnow]=$proxy
addresses[winnow-tls]=127.0.0.1:$(free_port)
sed -i "s|^listen:.*|listen: [\"$proxy\", \"tls://${addresses[winnow-tls]}\"]|" \
    "$dir/winnow.conf"
start_winnowd
pids[winnow]=${pids[winnowd]}
unset "pids[winnowd]"
start_nginx
for round in $(seq "$rounds"); do
	for server in winnow nginx; do
		load manifests "$server" /v2/bench/manifests/1 32
		load blobs "$server" "/v2/bench/blobs/$layer" 8
		load manifests-tls "$server" /v2/bench/manifests/1 32
		load blobs-tls "$server" "/v2/bench/blobs/$layer" 8
	done
	load manifests registry /v2/library/bench/manifests/1 32
	load blobs registry "/v2/library/bench/blobs/$layer" 8
done
idle_crowd 10000
printf 'medians of %s rounds of %s s; ratio: winnow to this\n' \
    "$rounds" "$seconds"
table manifests requests/s 1 us/request 3 winnow nginx registry
table blobs GiB/s 2 s/GiB 4 winnow nginx registry
table manifests-tls requests/s 1 us/request 3 winnow nginx
table blobs-tls GiB/s 2 s/GiB 4 winnow nginx
table manifests-idle requests/s 1 us/request 3 winnow
table blobs-idle GiB/s 2 s/GiB 4 winnow
printf '%s\n' "$idle_memory" | awk '{ printf \
    "10000 idle clients take %.1f KiB each in servers, %.2f in core\n",
    $1 / 10000, $2 / 10000 }'
echo 'to reach: manifests 0.9 of nginx and 100 times registry, blobs 1.0 of nginx'
