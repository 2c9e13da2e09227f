#!/bin/bash
# The main job: the original initialises a volume, the variant, which has no
# shell, serves SQL from it as the user postgres.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

# A second policy over the same source, by a name of its own: with JIT, which
# the server loads by name and LLVM with it.
policies=$dir/policies
mkdir "$policies"
cp "$top_srcdir/conf/policies.d/postgres.yaml" "$policies"
sed -e '/# JIT$/d' -e 's,^repository: .*,repository: with-jit/postgres,' \
    -e '/^repository: /a source: docker.io/library/postgres' \
    "$policies/postgres.yaml" > "$policies/with-jit.yaml"

start_dockerd
start_winnowd "oci:$(image_layouts postgres)"
variant=$proxy/postgres:15
original=$proxy/original/postgres:15
sql_port=$(free_port)
volume=(-v "$dir/volume:/var/lib/postgresql/data")
mkdir "$dir/volume"

# start_server IMAGE: on the volume, with as few rights as it needs.
start_server()
{
	dock run -d --name db --network host --read-only --tmpfs /tmp \
	    --tmpfs /run/postgresql:mode=3777 --cap-drop ALL "${volume[@]}" \
	    "$1" -c port="$sql_port" -c listen_addresses=127.0.0.1
}

# sql TEXT: runs it with the psql of the original, as a client would.
sql()
{
	dock run --rm -i --network host -e PGPASSWORD=secret "$original" \
	    psql -h 127.0.0.1 -p "$sql_port" -U postgres -d shop -X -q -A -t \
	    -v ON_ERROR_STOP=1 <<< "$1"
}

check 'the original is pulled' dock pull -q "$original"
check 'the original initialises a volume' dock run --rm --network host \
    -e POSTGRES_PASSWORD=secret -e POSTGRES_DB=shop "${volume[@]}" \
    "$original" docker-ensure-initdb.sh
check 'the variant is pulled' dock pull -q "$variant"
check 'the log says what it is' \
    grep -q 'image.built .*distroless=yes warnings=0' "$dir/winnowd.log"
check 'the variant starts' start_server "$variant"
check 'it answers' wait_for 60 sql 'select 1'
has 'version()' "$(sql 'select version()')" '^PostgreSQL 15'
is 'tables, rows and an index' "$(sql 'create table item (id int, name text);
insert into item select n, $$item $$ || n from generate_series(1, 1000) n;
create index on item (name);
set enable_seqscan = off;
select id from item where name = $$item 42$$')" 42
is '\copy out and in' "$(sql '\copy (select * from item where id < 4) to /tmp/i
create table copied (like item);
\copy copied from /tmp/i
select count(*) from copied')" 3
is 'an ICU collation' "$(sql "create collation german (provider = icu,
locale = 'de-u-co-phonebk');
select string_agg(w, ',' order by w collate german)
from unnest(array['Zebra', 'Öl', 'Ofen', 'apfel']) w")" 'apfel,Öl,Ofen,Zebra'
is 'PL/pgSQL' "$(sql 'create function twice(n int) returns int
language plpgsql as $$begin return 2 * n; end$$; select twice(21)')" 42
is 'no just-in-time compilation, and no harm' \
    "$(sql 'set jit_above_cost = 0; select pg_jit_available(), sum(id) from item')" \
    'f|500500'
is 'time zones' "$(sql "select timestamptz '2025-07-01 12:00 UTC'
at time zone 'Europe/Zurich'")" '2025-07-01 14:00:00'
is 'it runs as postgres' \
    "$(dock top db -o pid,uid | awk 'NR == 2 { print $2 }')" 999
check 'no shell answers' fails dock exec db sh -c true
check 'no bash answers' fails dock exec db bash -c true
docker_root "$variant" "$dir/variant"
check 'no shell is there' no_shell "$dir/variant"
check 'it stops on its stop signal' dock stop -t 30 db
has 'and shut down cleanly' "$(dock logs db 2>&1)" 'database system is shut down'

check 'the variant with JIT is pulled' dock pull -q "$proxy/with-jit/postgres:15"
dock rm db > /dev/null
check 'it starts on the same volume' start_server "$proxy/with-jit/postgres:15"
check 'it answers' wait_for 60 sql 'select 1'
has 'it compiles' "$(sql 'set jit_above_cost = 0;
explain (analyze) select sum(id) from item')" 'JIT:'
check 'it stops' dock stop -t 30 db
finish
