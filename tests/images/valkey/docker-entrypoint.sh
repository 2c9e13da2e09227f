#!/bin/sh
# Starts the command, valkey-server by default, as the user valkey.
set -e

case $1 in
-*|*.conf) set -- valkey-server "$@" ;;
esac
if [ "$1" = valkey-server ] && [ "$(id -u)" = 0 ]; then
	find . \! -user valkey -exec chown valkey '{}' +
	exec setpriv --reuid valkey --regid valkey --clear-groups "$0" "$@"
fi
[ "$(umask)" != 0022 ] || umask 0077
# shellcheck disable=SC2086 # words
exec "$@" $VALKEY_EXTRA_FLAGS
