# MariaDB: the variant on a volume of the original, collations, a clean end.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

sql()
{
	dock run --rm --network host "$proxy/original/mariadb:10" mariadb \
	    -h 127.0.0.1 -P "$service" -u root -psecret -N -e "$1"
}

try_mariadb()
{
	local volume=(-v "$dir/mariadb.data:/var/lib/mysql")
	mkdir -p "$dir/mariadb.data"
	pulled mariadb 10
	check 'mariadb: the original serves a new volume' run_image first-db \
	    original/mariadb:10 -e MARIADB_ROOT_PASSWORD=secret \
	    "${volume[@]}" -- --port "$service"
	check 'mariadb: it answers' wait_for 120 sql 'select 1'
	check 'mariadb: it writes' sql 'create database shop;
	create table shop.item (id int primary key, name varchar(20));
	insert into shop.item values (1, "one"), (2, "zwölf")'
	check 'mariadb: it stops' dock stop -t 60 first-db
	check 'mariadb: the variant starts on the volume' run_image mariadb \
	    mariadb:10 "${least[@]}" --tmpfs /run/mysqld:mode=1777 \
	    "${volume[@]}" -- --port "$service"
	check 'mariadb: it answers' wait_for 120 sql 'select 1'
	is 'mariadb: what the original wrote' \
	    "$(sql 'select name from shop.item where id = 2')" 'zwölf'
	is 'mariadb: collations and functions' "$(sql \
	    'select upper("ö"), regexp_replace("abc", "b", "x")')" $'Ö\taxc'
	check 'mariadb: no shell answers' fails dock exec mariadb sh -c true
	check 'mariadb: it stops' dock stop -t 60 mariadb
	has 'mariadb: and shut down cleanly' "$(dock logs mariadb 2>&1)" \
	    'Shutdown complete'
}
