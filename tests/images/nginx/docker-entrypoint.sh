#!/bin/sh
# Starts the command; before nginx the scripts of /docker-entrypoint.d run.
set -e

case $1 in
nginx|nginx-debug)
	for script in /docker-entrypoint.d/*.sh; do
		[ ! -x "$script" ] || "$script"
	done
	;;
esac
exec "$@"
