# Authorities and certificates in $dir, made with openssl.
# shellcheck shell=bash disable=SC2154

# make_authority NAME: NAME.pem and NAME.key.  Python of Debian 13 trusts no
# authority that does not say what its key may sign.
make_authority()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$dir/$1.key" -out "$dir/$1.pem" -days 30 \
	    -subj "/CN=authority $1" -addext keyUsage=critical,keyCertSign,cRLSign \
	    2>> "$dir/openssl.log" ||
	    bail "cannot make the authority $1"
}

# make_certificate NAME AUTHORITY SAN [-expired | -ending SECONDS] [REQ-ARGUMENT...]
make_certificate()
{
	local name=$1 authority=$2 san=$3 days=30 clock=
	shift 3
	# OpenSSL 3.5 takes no -days below 0.
	if [ "${1:-}" = -expired ]; then clock='faketime -f -31d'; shift; fi
	if [ "${1:-}" = -ending ]; then
		clock="faketime -f -$((days * 86400 - $2))s"
		shift 2
	fi
	[ $# -gt 0 ] || set -- -subj "/CN=$name"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$dir/$name.key" -out "$dir/$name.csr" "$@" \
	    2>> "$dir/openssl.log" &&
	    $clock openssl x509 -req -in "$dir/$name.csr" -CA "$dir/$authority.pem" \
	    -CAkey "$dir/$authority.key" -CAcreateserial -days "$days" \
	    -extfile <(echo "subjectAltName=$san") -out "$dir/$name.pem" \
	    2>> "$dir/openssl.log" || bail "cannot make the certificate $name"
}
