# PHP behind nginx: modules and locales as in the original; without rights.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

need nginx

# The web server before PHP; it answers 502 until that is there.
start_php_nginx()
{
	cat > "$dir/php-nginx.conf" <<-EOF
	daemon off;
	pid $dir/php-nginx.pid;
	error_log stderr;
	events {}
	http {
	    access_log off;
	    client_body_temp_path $dir/php-nginx.body;
	    server {
	        listen 127.0.0.1:$1;
	        location / {
	            include /etc/nginx/fastcgi_params;
	            fastcgi_param SCRIPT_FILENAME /var/www/html/index.php;
	            fastcgi_pass 127.0.0.1:$service;
	        }
	    }
	}
	EOF
	start php-nginx nginx -c "$dir/php-nginx.conf"
}

run_php()
{
	run_image "$1" "$2" --read-only --tmpfs /tmp \
	    -v "$dir/zzz.conf:/usr/local/etc/php-fpm.d/zzz.conf:ro" "${@:3}"
}

try_php()
{
	local url web
	pulled php 8.2-fpm
	web=$(free_port) url=http://127.0.0.1:$web
	printf '[www]\nlisten = 127.0.0.1:%s\n' "$service" > "$dir/zzz.conf"
	start_php_nginx "$web"
	check 'php: the original starts' run_php first-php original/php:8.2-fpm
	check 'php: it answers' wait_for 60 answers "$url/"
	curl -sS "$url/" > "$dir/php.original"
	check 'php: it stops' dock stop first-php
	check 'php: the variant starts' run_php php php:8.2-fpm
	check 'php: it answers' wait_for 60 answers "$url/"
	check 'php: its modules, iconv and locales as in the original' \
	    as_original php "$url/" none
	has 'php: its log is the output' "$(dock logs php 2>&1)" '"GET /" 200'
	check 'php: it stops on its stop signal' dock stop -t 30 php
	check 'php: without root and capabilities' run_php php-least \
	    php:8.2-fpm --cap-drop ALL --user www-data
	check 'php: it answers' wait_for 60 answers "$url/"
	check 'php: it stops' dock stop -t 30 php-least
}
