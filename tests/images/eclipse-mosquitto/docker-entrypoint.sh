#!/bin/sh
# Gives the directories to the user that the broker becomes, and runs it.
set -e

if [ "$(id -u)" = 0 ] && [ -d /mosquitto ]; then
	chown -R mosquitto:mosquitto /mosquitto || true
fi
exec "$@"
