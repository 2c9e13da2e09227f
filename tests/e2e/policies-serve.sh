#!/bin/bash
# The shipped policies: each variant has no shell, starts and serves a real
# client; where there is a volume, on what the original has put there.  What is
# asked of a program is in policies/PROGRAM.sh, as try_PROGRAM.
#
# PROGRAMS says which (redis, python); `make check-long` asks for all.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"
. "$tests/e2e/certificates.sh"

# repository PROGRAM: as the default upstream has it.
declare -A repositories=()
repository() { echo "${repositories[$1]:-library/$1}"; }

here=$tests/e2e/policies
read -ra programs <<< "${PROGRAMS:-redis python}"
if [ "${programs[*]}" = all ]; then
	programs=("$here"/*.sh)
	programs=("${programs[@]##*/}")
	programs=("${programs[@]%.sh}")
fi
need curl openssl
for program in "${programs[@]}"; do
	[ -f "$here/$program.sh" ] || bail "no test of $program in $here"
	. "$here/$program.sh"
done

# The layouts of all images as one upstream.
for program in "${programs[@]}"; do
	link=$dir/upstream/$(repository "$program")
	mkdir -p "${link%/*}"
	ln -s "$(image_layouts "$program")/$(repository "$program")" "$link"
done

# The shipped policies, and those beside the tests.
mkdir "$dir/policies.d"
cp "${policies:-$top_srcdir/conf/policies.d}"/*.yaml "$here"/*.yaml \
    "$dir/policies.d"
policies=$dir/policies.d
start_dockerd
start_winnowd "oci:$dir/upstream"

# run_image NAME IMAGE [OPTION...] [-- ARGUMENT...]: in the background, with
# as few rights as it needs, on the port $service.
run_image()
{
	local name=$1 image=$2 options=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
	[ $# = 0 ] || shift
	service=${service:-$(free_port)}
	dock run -d --name "$name" --network host "${options[@]}" \
	    "$proxy/$image" "$@"
}

least=(--read-only --tmpfs /tmp --cap-drop ALL)

# pulled NAME TAG: the variant is here, and is what it should be.
pulled()
{
	local image
	image=$(repository "$1"):$2
	image=$proxy/${image#library/}
	service=$(free_port)
	check "$1: the variant is pulled" dock pull -q "$image"
	check "$1: the log says what it is" grep -q \
	    "image.built .*$1.*distroless=yes warnings=${warnings:-0} hints=0" \
	    "$dir/winnowd.log"
	docker_root "$image" "$dir/$1.root"
	check "$1: no shell is there" no_program "$dir/$1.root"
}

# no_program ROOT: nothing to run but what the image is for (Python, Java).
no_program()
{
	! find "$1" \( -name '*sh' -o -name busybox -o -name 'apt*' -o \
	    -name dpkg -o -name perl -o -name curl -o -name pip -o \
	    -name 'npm*' -o -name yarn -o -name php \) \
	    -type f -perm /111 | grep .
}

# make_tls_files: $dir/tls with key.pem and cert.pem for localhost, both in
# both.pem, and ca.pem, whose certificate it is.
make_tls_files()
{
	[ ! -d "$dir/tls" ] || return 0
	make_authority authority
	make_certificate server authority DNS:localhost
	mkdir "$dir/tls"
	cp "$dir/authority.pem" "$dir/tls/ca.pem"
	cp "$dir/server.pem" "$dir/tls/cert.pem"
	cp "$dir/server.key" "$dir/tls/key.pem"
	cat "$dir"/tls/{cert,key}.pem > "$dir/tls/both.pem"
	chmod 644 "$dir"/tls/*.pem
}

# over_tls PORT PATH [OPTION...]: what curl gets there.
over_tls()
{
	local port=$1 path=$2
	shift 2
	curl -sS --cacert "$dir/tls/ca.pem" "$@" "https://localhost:$port$path"
}

# A web server of this machine, for proxies; $web is its port.
start_web()
{
	[ -z "${web:-}" ] || return 0
	web=$(free_port)
	mkdir "$dir/web"
	echo 'from behind' > "$dir/web/index.html"
	start_ready web 20 answers "http://127.0.0.1:$web/" -- \
	    python3 -m http.server --bind 127.0.0.1 --directory "$dir/web" "$web"
}

# as_original NAME URL SHELL: the image's application says what it says in the
# original, but for a shell, of which it says SHELL.
as_original()
{
	local original=$dir/$1.original
	[ -s "$original" ] &&
	    lacks "$(cat "$original")" 'FAILED|Warning' &&
	    same "$(curl -sS "$2")" \
		"$(sed "s/^shell: there$/shell: $3/" "$original")"
}

for program in "${programs[@]}"; do "try_$program"; done
finish
