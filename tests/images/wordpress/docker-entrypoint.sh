#!/usr/bin/env bash
# Puts WordPress into an empty volume, and a configuration with secrets of its
# own where the variables of a database are given; runs the command.
set -Eeuo pipefail

secret() { head -c1m /dev/urandom | sha1sum | cut -d' ' -f1; }

if [[ "$1" == apache2* ]] || [ "$1" = php-fpm ]; then
	if [ ! -e index.php ]; then
		tar -C /usr/src/wordpress -cf - . | tar -xf -
		echo "Complete! WordPress has been copied to $PWD" >&2
	fi
	if [ ! -s wp-config.php ] && [ -n "${!WORDPRESS_*}" ]; then
		while IFS= read -r line; do
			echo "${line/put your unique phrase here/$(secret)}"
		done < /usr/src/wordpress/wp-config-docker.php > wp-config.php
		chown www-data:www-data wp-config.php
	fi
fi
exec "$@"
