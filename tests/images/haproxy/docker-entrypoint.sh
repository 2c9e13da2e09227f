#!/bin/sh
# Starts the command, haproxy by default, as master and worker.
set -e

[ "${1#-}" = "$1" ] || set -- haproxy "$@"
if [ "$1" = haproxy ]; then
	shift
	set -- haproxy -W -db "$@"
fi
exec "$@"
