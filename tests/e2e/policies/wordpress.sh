# WordPress for policies-serve.sh, on a volume from its original and a database:
# it is installed, takes a picture, and serves both; and php's policy for Apache,
# on the same image.
# shellcheck shell=bash disable=SC2154

. "$here/mariadb.sh"
. "$here/httpd.sh"

# What of PHP works, a line for each trial.
wordpress_trials()
{
	cat <<-'EOT'
	<?php
	function picture() {
	    $picture = new Imagick();
	    $picture->newImage(400, 300, 'red', 'png');
	    $draw = new ImagickDraw();
	    $draw->setFont('DejaVu-Sans');
	    $picture->annotateImage($draw, 10, 50, 0, 'text');
	    $picture->setImageFormat('jpeg');
	    $picture->thumbnailImage(40, 0);
	    return $picture->getImageGeometry()['height'];
	}
	$trials = [
	    'user' => fn() => posix_getpwuid(posix_geteuid())['name'],
	    'imagick' => fn() => picture(),
	    'gd' => fn() => imagesx(imagecreatefromstring(base64_decode(
	        'R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs='))),
	    'intl' => fn() => (new NumberFormatter('de-CH',
	        NumberFormatter::SPELLOUT))->format(21),
	    'iconv' => fn() => bin2hex(iconv('UTF-8', 'ISO-8859-1', 'ä')),
	    'zone' => fn() => (new DateTime('@0'))
	        ->setTimezone(new DateTimeZone('Europe/Zurich'))->format('H:i T'),
	    'zip' => fn() => class_exists('ZipArchive'),
	    'tls' => fn() => trim(file_get_contents(
	        'https://localhost:' . getenv('TLS_PORT') . '/robots.txt', false,
	        stream_context_create(['ssl' => ['cafile' => '/tls/ca.pem']]))),
	    'opcache' => fn() => function_exists('opcache_get_status'),
	    'temp' => fn() => dirname(tempnam(sys_get_temp_dir(), 'x')),
	    'shell' => fn() => trim(@shell_exec('echo there') ?: 'none'),
	];
	foreach ($trials as $name => $trial) {
	    try {
	        echo "$name: ", $trial(), "\n";
	    } catch (Throwable $error) {
	        echo "$name FAILED: $error\n";
	    }
	}
	EOT
}

# wordpress_config [LINE...]: one site without and with TLS.
wordpress_config()
{
	cat <<-EOT
	ServerName localhost
	Listen 127.0.0.1:$service
	Listen 127.0.0.1:$tls
	LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
	LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
	DocumentRoot /var/www/html
	CustomLog \${APACHE_LOG_DIR}/access.log combined
	<VirtualHost 127.0.0.1:$tls>
	    SSLEngine on
	    SSLCertificateFile /tls/cert.pem
	    SSLCertificateKeyFile /tls/key.pem
	</VirtualHost>
	EOT
	printf '%s\n' "$@"
}

run_wordpress()
{
	run_image "$1" "$2" -v wordpress:/var/www/html -v "$dir/tls:/tls:ro" \
	    --cap-drop ALL --cap-add SETUID --cap-add SETGID --cap-add KILL \
	    -v "$dir/empty.conf:/etc/apache2/ports.conf:ro" \
	    -v "$dir/site.conf:/etc/apache2/sites-available/000-default.conf:ro" \
	    -e TLS_PORT="$tls" -e WORDPRESS_DB_HOST="127.0.0.1:$db" \
	    -e WORDPRESS_DB_USER=root -e WORDPRESS_DB_PASSWORD=secret "${@:3}"
}

# Read only, with the directories that Apache writes to.
apache_least=(--read-only --tmpfs /tmp --tmpfs /run/apache2
    --tmpfs /run/lock/apache2)

# blog PATH [OPTION...]: as the one who has logged in.
blog() { curl -sS -b "$dir/jar" -c "$dir/jar" "${@:2}" "$url$1"; }

wordpress_db()
{
	service=$db run_image wordpress-db original/mariadb:10 \
	    -e MARIADB_ROOT_PASSWORD=secret -- --port "$db"
}

sql_says() { service=$db sql "$1"; }

# upload_picture: by the form of the media library.
upload_picture()
{
	local nonce
	blog /wp-login.php -o /dev/null
	blog /wp-login.php -o /dev/null -d log=admin -d pwd=Pass1234word \
	    -d testcookie=1 --data-urlencode "redirect_to=$url/wp-admin/"
	nonce=$(blog /wp-admin/media-new.php |
	    sed -n 's/.*name="_wpnonce" value="\([0-9a-f]*\)".*/\1/p' | head -n 1)
	python3 - > "$dir/picture.png" <<-'EOT'
	import struct, sys, zlib
	def chunk(kind, data):
	    return struct.pack(">I", len(data)) + kind + data + \
	        struct.pack(">I", zlib.crc32(kind + data))
	sys.stdout.buffer.write(b"\x89PNG\r\n\x1a\n" +
	    chunk(b"IHDR", struct.pack(">IIBBBBB", 400, 300, 8, 2, 0, 0, 0)) +
	    chunk(b"IDAT", zlib.compress((b"\0" + b"\xc0\x20\x20" * 400) * 300)) +
	    chunk(b"IEND", b""))
	EOT
	blog /wp-admin/async-upload.php -F "_wpnonce=$nonce" -F short=1 \
	    -F name=picture.png -F "async-upload=@$dir/picture.png;type=image/png"
}

try_wordpress()
{
	local tls url db upload
	make_tls_files
	pulled wordpress 6
	tls=$(free_port) db=$(free_port) url=http://localhost:$service
	touch "$dir/empty.conf"
	wordpress_config > "$dir/site.conf"
	[ -e "$dir/upstream/library/mariadb" ] ||
	    ln -s "$(image_layouts mariadb)/library/mariadb" \
		"$dir/upstream/library/mariadb"
	check 'wordpress: a database starts' wordpress_db
	check 'wordpress: the original fills a volume' dock run --rm \
	    -v wordpress:/var/www/html -e WORDPRESS_DB_HOST=127.0.0.1 \
	    "$proxy/original/wordpress:6" apache2 -v
	check 'wordpress: there is a database' wait_for 120 \
	    sql_says 'create database if not exists wordpress'
	check 'wordpress: the original starts' run_wordpress first-wordpress \
	    original/wordpress:6
	wordpress_trials > "$dir/trials.php"
	dock cp "$dir/trials.php" first-wordpress:/var/www/html/ > /dev/null
	echo robots > "$dir/robots.txt"
	dock cp "$dir/robots.txt" first-wordpress:/var/www/html/ > /dev/null
	check 'wordpress: it answers' wait_for 60 answers "$url/robots.txt"
	curl -sS "$url/trials.php" > "$dir/wordpress.original"
	check 'wordpress: it stops' dock stop -t 30 first-wordpress
	check 'wordpress: the variant starts' run_wordpress wordpress \
	    wordpress:6 "${apache_least[@]}"
	check 'wordpress: it answers' wait_for 60 answers "$url/robots.txt"
	check 'wordpress: extensions, pictures, TLS as in the original' \
	    as_original wordpress "$url/trials.php" none
	has 'wordpress: it is installed' "$(blog '/wp-admin/install.php?step=2' \
	    -d weblog_title=Grüezi -d user_name=admin -d admin_email=a@b.example \
	    -d admin_password=Pass1234word -d admin_password2=Pass1234word)" \
	    'Success!'
	has 'wordpress: its page' "$(blog /)" 'Grüezi'
	has 'wordpress: by rewritten names' "$(blog /no/such/page)" \
	    'not be found|Page not found'
	upload=$(upload_picture)
	has 'wordpress: it takes a picture' "$upload" '^[0-9]+$|"success":true'
	check 'wordpress: and has made a small one' answers \
	    "$url/wp-content/uploads/$(date -u +%Y/%m)/picture-150x150.png"
	has 'wordpress: over TLS' "$(over_tls "$tls" /robots.txt)" robots
	has 'wordpress: workers are www-data' \
	    "$(dock top wordpress -o pid,uid,args)" ' 33 +apache2'
	has 'wordpress: its log is the output' "$(dock logs wordpress 2>&1)" \
	    'POST /wp-admin/install.php'
	wordpress_config 'Redirect /old /new' > "$dir/site.conf"
	check 'wordpress: it is told to reload' dock kill -s USR1 wordpress
	check 'wordpress: it has reloaded' wait_for 60 is_moved "$tls" /old
	check 'wordpress: no shell answers' fails dock exec wordpress sh -c true
	check 'wordpress: it stops on its stop signal' dock stop -t 30 wordpress
	has 'wordpress: and gracefully' "$(dock logs wordpress 2>&1)" \
	    'caught SIGWINCH'
	try_php_apache
	check 'wordpress: the database stops' dock stop -t 60 wordpress-db
}

# The image is FROM php's as its own users' are.
try_php_apache()
{
	sed -e 's/^repository: .*/repository: mine\/shop/' \
	    -e '/^tags:/c source: docker.io/library/wordpress' \
	    -e 's/^include:/&\n  - imagemagick/' \
	    "$policies/php-apache.yaml" > "$policies/shop.yaml"
	kill -HUP "${pids[winnowd]}"
	check 'php-apache: the variant is pulled' wait_for 20 \
	    dock pull -q "$proxy/mine/shop:6"
	is 'php-apache: the log says what it is' "$(grep -c \
	    'image.built .*wordpress.*distroless=yes warnings=0 hints=0' \
	    "$dir/winnowd.log")" 2
	check 'php-apache: it starts' run_wordpress shop mine/shop:6 \
	    "${apache_least[@]}"
	check 'php-apache: it answers' wait_for 60 answers "$url/robots.txt"
	has 'php-apache: its page' "$(blog /)" 'Grüezi'
	check 'php-apache: it stops' dock stop -t 30 shop
}
