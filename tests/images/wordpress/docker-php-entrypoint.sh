#!/bin/sh
# Runs the command, with apache2-foreground before it when it is an option.
set -e

if [ "${1#-}" != "$1" ]; then
	set -- apache2-foreground "$@"
fi
exec "$@"
