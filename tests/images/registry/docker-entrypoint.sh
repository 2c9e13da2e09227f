#!/bin/sh
# Puts the program before a configuration, and before its own commands.
set -e

case "$1" in
*.yaml|*.yml) set -- registry serve "$@" ;;
serve|garbage-collect|help|-*) set -- registry "$@" ;;
esac
exec "$@"
