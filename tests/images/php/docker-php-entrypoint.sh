#!/bin/sh
# Runs the command, with php before it when it is an option.
set -e

if [ "${1#-}" != "$1" ]; then
	set -- php "$@"
fi
exec "$@"
