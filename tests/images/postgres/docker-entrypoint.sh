#!/usr/bin/env bash
# Starts the command; before `postgres` it makes the data directory ready,
# as a new one when it is empty, and steps down from root.
#
# POSTGRES_PASSWORD (or POSTGRES_HOST_AUTH_METHOD=trust), POSTGRES_USER,
# POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_INITDB_WALDIR and PGDATA say
# how; every name but PGDATA may end in _FILE to be read from a file.
# /docker-entrypoint-initdb.d/*.{sh,sql,sql.gz,sql.xz,sql.zst} run once.
set -Eeo pipefail

die() { printf 'docker-entrypoint: %s\n' "$*" >&2; exit 1; }

# file_env NAME [DEFAULT]: sets NAME from NAME, NAME_FILE or DEFAULT.
file_env()
{
	local name=$1 file_name=${1}_FILE value=${2:-}
	if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
		die "both $name and $file_name are set: choose one"
	fi
	if [ -n "${!name:-}" ]; then
		value=${!name}
	elif [ -n "${!file_name:-}" ]; then
		value=$(< "${!file_name}")
	fi
	export "$name=$value"
	unset "$file_name"
}

read_environment()
{
	file_env POSTGRES_PASSWORD
	file_env POSTGRES_USER postgres
	file_env POSTGRES_DB "$POSTGRES_USER"
	file_env POSTGRES_INITDB_ARGS
	: "${POSTGRES_HOST_AUTH_METHOD:=}"
	database_exists=
	[ ! -s "$PGDATA/PG_VERSION" ] || database_exists=true
}

create_directories()
{
	mkdir -p "$PGDATA" /var/run/postgresql
	chmod 00700 "$PGDATA" || :
	chmod 03775 /var/run/postgresql || :
	[ "$(id -u)" != 0 ] || find "$PGDATA" /var/run/postgresql \
	    \! -user postgres -exec chown postgres '{}' +
}

# A foreign uid (docker run --user 12345) has no name, which initdb wants.
use_nss_wrapper()
{
	local library
	! getent passwd "$(id -u)" > /dev/null || return 0
	for library in /usr/lib{/*,}/libnss_wrapper.so; do
		[ -s "$library" ] || continue
		NSS_WRAPPER_PASSWD=$(mktemp)
		NSS_WRAPPER_GROUP=$(mktemp)
		export LD_PRELOAD=$library NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
		printf 'postgres:x:%s:%s:PostgreSQL:%s:/bin/false\n' \
		    "$(id -u)" "$(id -g)" "$PGDATA" > "$NSS_WRAPPER_PASSWD"
		printf 'postgres:x:%s:\n' "$(id -g)" > "$NSS_WRAPPER_GROUP"
		return
	done
}

check_password()
{
	[ -n "$POSTGRES_PASSWORD" ] ||
	    [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] ||
	    die "the data directory is empty: set POSTGRES_PASSWORD for the superuser"
}

initialise_directory()
{
	use_nss_wrapper
	local wal=()
	[ -z "${POSTGRES_INITDB_WALDIR:-}" ] ||
	    wal=(--waldir "$POSTGRES_INITDB_WALDIR")
	# POSTGRES_INITDB_ARGS is a list of shell words by contract.
	eval 'initdb --username="$POSTGRES_USER" "${wal[@]}" \
	    --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") '"$POSTGRES_INITDB_ARGS"
	unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
}

allow_hosts()
{
	local method=$POSTGRES_HOST_AUTH_METHOD
	: "${method:=$(postgres -C password_encryption)}"
	printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

process_sql()
{
	PGHOST='' PGPASSWORD=$POSTGRES_PASSWORD psql -v ON_ERROR_STOP=1 \
	    --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"
}

create_database()
{
	local found
	found=$(process_sql -d postgres -tA --set db="$POSTGRES_DB" \
	    <<< "SELECT 1 FROM pg_database WHERE datname = :'db';")
	[ -n "$found" ] || process_sql -d postgres --set db="$POSTGRES_DB" \
	    <<< 'CREATE DATABASE :"db";'
}

run_init_files()
{
	local file sql=(process_sql --dbname "$POSTGRES_DB")
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
		*.sql) "${sql[@]}" -f "$file" ;;
		*.sql.gz) gunzip -c "$file" | "${sql[@]}" ;;
		*.sql.xz) xzcat "$file" | "${sql[@]}" ;;
		*.sql.zst) zstd -dc "$file" | "${sql[@]}" ;;
		esac
	done
}

# Only the socket answers while the new database is filled.
initialise_database()
{
	check_password
	initialise_directory
	allow_hosts
	pg_ctl -D "$PGDATA" -w start -o "-c listen_addresses='' -p 5432"
	create_database
	run_init_files
	pg_ctl -D "$PGDATA" -m fast -w stop
	echo 'PostgreSQL init process complete; ready for start up.'
}

# ensure_database: an initialised data directory, as the user who owns it.
ensure_database()
{
	[ -n "$database_exists" ] || initialise_database
}

step_down()
{
	[ "$(id -u)" != 0 ] || exec gosu postgres "$BASH_SOURCE" "$@"
}

main()
{
	[ "${1:0:1}" != - ] || set -- postgres "$@"
	if [ "$1" = postgres ]; then
		read_environment
		create_directories
		step_down "$@"
		ensure_database
	fi
	exec "$@"
}

# docker-ensure-initdb.sh reads this file for its functions.
[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
