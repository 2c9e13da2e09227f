# Prometheus for policies-serve.sh: it asks another and, over TLS, itself, reads
# its configuration again, and has its volume after it was killed.
# shellcheck shell=bash disable=SC2154,SC2034

repositories[prometheus]=prom/prometheus

# prometheus_config NAME: whom it asks.
prometheus_config()
{
	cat > "$dir/prometheus.yml" <<-EOT
	global: { scrape_interval: 1s, scrape_timeout: 1s }
	rule_files: [/etc/prometheus/rules.yml]
	scrape_configs:
	  - job_name: $1
	    static_configs: [{ targets: ["localhost:$metrics"] }]
	  - job_name: itself
	    scheme: https
	    tls_config: { ca_file: /tls/ca.pem }
	    static_configs: [{ targets: ["localhost:$service"] }]
	EOT
}

run_prometheus()
{
	run_image "$1" prom/prometheus:v2 "${least[@]}" -v "$dir/tls:/tls:ro" \
	    -v prometheus-data:/prometheus -v "$dir/prometheus.yml:/etc/prometheus/prometheus.yml:ro" \
	    -v "$dir/rules.yml:/etc/prometheus/rules.yml:ro" -- \
	    --config.file=/etc/prometheus/prometheus.yml \
	    --storage.tsdb.path=/prometheus --web.config.file=/tls/web.yml \
	    --web.listen-address="127.0.0.1:$service"
}

# prometheus_knows QUERY: it has a value for that.
prometheus_knows()
{
	over_tls "$service" /api/v1/query -f -G --data-urlencode "query=$1" |
	    jq -e '.data.result | length > 0'
}

try_prometheus()
{
	local metrics
	make_tls_files
	printf 'tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n' \
	    > "$dir/tls/web.yml"
	printf '%s\n' 'groups: [{ name: here, rules: [{ record: "here:up",' \
	    '  expr: "sum(up)" }, { alert: Always, expr: "vector(1)" }] }]' \
	    > "$dir/rules.yml"
	pulled prometheus v2
	metrics=$(free_port)
	start_web_metrics
	prometheus_config first
	check 'prometheus: it starts' run_prometheus prometheus
	check 'prometheus: it answers over TLS' wait_for 60 \
	    over_tls "$service" /-/ready -f
	check 'prometheus: it asks by name' wait_for 60 \
	    prometheus_knows 'up{job="first"} == 1'
	check 'prometheus: and over TLS' wait_for 60 \
	    prometheus_knows 'up{job="itself"} == 1'
	has 'prometheus: the user' "$(dock top prometheus -o pid,uid,args)" \
	    ' 65534 +/bin/prometheus'
	has 'prometheus: promtool checks a configuration' "$(dock exec \
	    prometheus promtool check config /etc/prometheus/prometheus.yml)" \
	    'SUCCESS'
	prometheus_config second
	check 'prometheus: it is told to reload' dock kill -s HUP prometheus
	check 'prometheus: it has reloaded' wait_for 60 \
	    prometheus_knows 'up{job="second"} == 1'
	check 'prometheus: no shell answers' fails dock exec prometheus sh -c true
	check 'prometheus: it is killed' dock kill prometheus
	check 'prometheus: it starts again' run_prometheus prometheus-2
	check 'prometheus: it answers' wait_for 60 over_tls "$service" /-/ready -f
	check 'prometheus: what it knew' \
	    prometheus_knows 'last_over_time(up{job="first"}[1h])'
	check 'prometheus: it stops' dock stop -t 30 prometheus-2
	has 'prometheus: as it should' "$(dock logs prometheus-2 2>&1)" \
	    'See you next time'
}

# Something with metrics: a file, in their form.
start_web_metrics()
{
	mkdir "$dir/metrics"
	echo 'a_metric 1' > "$dir/metrics/metrics"
	start_ready metrics 20 answers "http://127.0.0.1:$metrics/metrics" -- \
	    python3 -m http.server --bind 127.0.0.1 \
	    --directory "$dir/metrics" "$metrics"
}
