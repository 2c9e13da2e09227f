#!/bin/sh
# Runs the command, with node before it when it is none: an option or a script.
set -e

if [ "${1#-}" != "$1" ] || [ -z "$(command -v "$1")" ] ||
    { [ -f "$1" ] && [ ! -x "$1" ]; }; then
	set -- node "$@"
fi
exec "$@"
