# RabbitMQ: the variant goes on with the original's queue, over TLS too, and
# tells its figures.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

need amqp-get

# amqp COMMAND [OPTION...]: on the port of the container.
amqp()
{
	"amqp-$1" -s 127.0.0.1 --port="$service" --username=guest \
	    --password=guest "${@:2}"
}

# amqp_over_tls COMMAND [OPTION...]
amqp_over_tls()
{
	"amqp-$1" -u "amqps://guest:guest@localhost:$tls" \
	    --cacert="$dir/tls/ca.pem" "${@:2}"
}

run_rabbitmq()
{
	run_image "$1" "$2" --hostname localhost -e ERL_EPMD_PORT="$epmd" \
	    -e RABBITMQ_NODE_PORT="$service" -e RABBITMQ_DIST_PORT="$nodes" \
	    -v "$dir/rabbitmq.conf:/etc/rabbitmq/conf.d/20-test.conf:ro" \
	    -v "$dir/tls:/tls:ro" \
	    -v "$dir/rabbitmq.data:/var/lib/rabbitmq" "${@:3}"
}

rabbitmq_config()
{
	cat <<-EOF
	listeners.ssl.default = $tls
	ssl_options.cacertfile = /tls/ca.pem
	ssl_options.certfile = /tls/cert.pem
	ssl_options.keyfile = /tls/key.pem
	prometheus.tcp.port = $figures
	EOF
}

try_rabbitmq()
{
	local epmd nodes tls figures
	make_tls_files
	pulled rabbitmq 3
	epmd=$(free_port) nodes=$(free_port)
	tls=$(free_port) figures=$(free_port)
	rabbitmq_config > "$dir/rabbitmq.conf"
	mkdir -p "$dir/rabbitmq.data"
	check 'rabbitmq: the original starts' run_rabbitmq first-rabbit \
	    original/rabbitmq:3
	check 'rabbitmq: it has a queue' wait_for 60 \
	    amqp declare-queue -q orders -d
	check 'rabbitmq: it takes a message' amqp publish -r orders -p -b first
	check 'rabbitmq: it stops' dock stop -t 60 first-rabbit
	check 'rabbitmq: the variant starts on the volume' run_rabbitmq \
	    rabbitmq rabbitmq:3 "${least[@]}" --tmpfs /var/log/rabbitmq:mode=1777 \
	    -- -erl_epmd_port "$nodes"
	check 'rabbitmq: it takes a message' wait_for 60 \
	    amqp_over_tls publish -r orders -p -b second
	is 'rabbitmq: what the original took' "$(amqp get -q orders)" first
	is 'rabbitmq: what the variant took, over TLS' \
	    "$(amqp_over_tls get -q orders)" second
	has 'rabbitmq: its figures' "$(curl -sS "http://127.0.0.1:$figures/metrics")" \
	    '^rabbitmq_identity_info.*rabbit@localhost'
	has 'rabbitmq: without the monitor of the disk, as its policy says' \
	    "$(dock logs rabbitmq 2>&1)" '\[error\].*rabbit_disk_monitor'
	check 'rabbitmq: no shell answers' fails dock exec rabbitmq sh -c true
	check 'rabbitmq: it stops' dock stop -t 60 rabbitmq
	is 'rabbitmq: as it should' \
	    "$(dock inspect -f '{{.State.ExitCode}}' rabbitmq)" 0
}
