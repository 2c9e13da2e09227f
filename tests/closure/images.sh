#!/bin/bash
# images.sh [NAME...]: compares the closure of test images with their loaders'
# lists; without names of all images.  Those of other machines need
# qemu-user-static, musl needs musl-tools.
set -eu
tests=${top_srcdir:-$(dirname "$0")/../..}/tests
[ $# -gt 0 ] || set -- postgres redis valkey mariadb nginx httpd haproxy memcached python \
    node php rabbitmq eclipse-temurin small loader musl foreign-arm64 foreign-i386 foreign-s390x
layouts=()
for name; do
	dir=$("$tests/images/build" "$name")
	layouts+=("$dir"/*/"$name")
done
python3 "$tests/closure/compare.py" "${layouts[@]}"
