# Ruby for policies-serve.sh: an application of Sinatra under Puma.
# shellcheck shell=bash disable=SC2154

run_ruby()
{
	run_image "$1" "$2" "${least[@]}" -v "$dir/tls:/tls:ro" \
	    -e PORT="$service" -e TLS_PORT="$tls" -e TLS_DIR=/tls -- "${@:3}"
}

# worker_pids: of Puma's children.
worker_pids() { dock top ruby -o pid,args | awk '/puma: cluster worker/ { print $1 }'; }

is_new_worker() { [ -n "$(worker_pids)" ] && [ "$(worker_pids)" != "$1" ]; }

try_ruby()
{
	local tls url workers
	make_tls_files
	pulled ruby 3.1
	tls=$(free_port) url=http://127.0.0.1:$service
	check 'ruby: the original starts' run_ruby first-ruby original/ruby:3.1 \
	    bundle exec puma -C puma.rb
	check 'ruby: it answers' wait_for 60 answers "$url/ping"
	curl -sS "$url/" > "$dir/ruby.original"
	check 'ruby: it stops' dock stop first-ruby
	check 'ruby: the variant starts' run_ruby ruby ruby:3.1 \
	    ruby -rbundler/setup -S puma -C puma.rb
	check 'ruby: it answers' wait_for 60 answers "$url/ping"
	check 'ruby: TLS, encodings, extensions, children as in the original' \
	    as_original ruby "$url/" ENOENT
	is 'ruby: https' "$(over_tls "$tls" /ping)" pong
	workers=$(worker_pids)
	check 'ruby: it is told to restart' dock kill -s USR2 ruby
	check 'ruby: it has restarted' wait_for 60 is_new_worker "$workers"
	check 'ruby: it answers' wait_for 60 answers "$url/ping"
	check 'ruby: a program of a gem by itself' dock exec ruby puma --version
	check 'ruby: no shell answers' fails dock exec ruby sh -c true
	check 'ruby: it stops' dock stop -t 30 ruby
	has 'ruby: gracefully' "$(dock logs ruby 2>&1)" \
	    'Gracefully shutting down workers'
}
