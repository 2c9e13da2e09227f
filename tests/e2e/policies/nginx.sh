# nginx: pages, threads and a module; it stops on its stop signal.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

try_nginx()
{
	pulled nginx 1
	printf 'server { listen 127.0.0.1:%s; root /usr/share/nginx/html;%s }\n' \
	    "$service" ' aio threads;' > "$dir/default.conf"
	check 'nginx: it starts' run_image nginx nginx:1 \
	    -v "$dir/default.conf:/etc/nginx/conf.d/default.conf:ro"
	check 'nginx: it serves' wait_for 60 answers "http://127.0.0.1:$service/"
	has 'nginx: its page' "$(curl -sS "http://127.0.0.1:$service/")" \
	    'Welcome to nginx'
	has 'nginx: its log is the output' "$(dock logs nginx 2>&1)" 'GET / HTTP'
	check 'nginx: the stream module loads' dock exec nginx nginx -t
	check 'nginx: it stops on its stop signal' dock stop -t 30 nginx
	check 'nginx: and its threads end' lacks "$(dock logs nginx 2>&1)" \
	    'libgcc_s|exited on signal'
}
