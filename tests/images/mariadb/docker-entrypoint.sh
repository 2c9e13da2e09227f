#!/bin/bash
# Starts the command; before mariadbd it makes the data directory ready, as a
# new one with MARIADB_ROOT_PASSWORD when it is empty, and steps down.
set -eo pipefail

[ "${1:0:1}" != - ] || set -- mariadbd "$@"
if [ "$1" = mariadbd ]; then
	if [ "$(id -u)" = 0 ]; then
		chown -R mysql: /var/lib/mysql /run/mysqld
		exec setpriv --reuid mysql --regid mysql --clear-groups "$0" "$@"
	fi
	if [ ! -d /var/lib/mysql/mysql ]; then
		mariadb-install-db --skip-test-db --auth-root-authentication-method=normal
		printf '%s;\n' \
		    "ALTER USER root@localhost IDENTIFIED BY '$MARIADB_ROOT_PASSWORD'" \
		    "DROP USER IF EXISTS root@127.0.0.1, root@'::1'" \
		    "CREATE USER root@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD'" \
		    "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION" \
		    > /tmp/init.sql
		set -- "$@" --init-file=/tmp/init.sql
	fi
fi
exec "$@"
