#!/usr/bin/env bash
# Makes the data directory ready and exits: what a server image without a
# shell needs to have done once.  As docker-ensure-initdb.sh an existing
# database is fine; as docker-enforce-initdb.sh it is an error.
set -Eeo pipefail

. /usr/local/bin/docker-entrypoint.sh

read_environment
create_directories
[ "$(id -u)" != 0 ] || exec gosu postgres "$0" "$@"
if [ -n "$database_exists" ] && [ "${0##*/}" = docker-enforce-initdb.sh ]; then
	die "the data directory $PGDATA already holds a database"
fi
ensure_database
