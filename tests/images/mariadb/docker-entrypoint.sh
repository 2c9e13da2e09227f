#!/bin/bash
# Starts the command; before mariadbd it makes the data directory ready, as a
# new one with MARIADB_ROOT_PASSWORD when it is empty, and steps down.
set -eo pipefail

[ "${1:0:1}" != - ] || set -- mariadbd "$@"
if [ "$1" = mariadbd ] || [ "$1" = --init ]; then
	if [ "$(id -u)" = 0 ]; then
		chown -R mysql: /var/lib/mysql /run/mysqld
		exec setpriv --reuid mysql --regid mysql --clear-groups "$0" "$@"
	fi
	if [ ! -d /var/lib/mysql/mysql ]; then
		mariadb-install-db --skip-test-db --auth-root-authentication-method=normal
		echo "ALTER USER root@localhost IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
		CREATE USER root@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
		GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;" |
		    sed '1i FLUSH PRIVILEGES;' | mariadbd --bootstrap
	fi
	[ "$1" != --init ] || exit 0
fi
exec "$@"
