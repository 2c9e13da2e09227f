# Apache: TLS, HTTP/2, a proxy, a piped log, a reload, threads that end.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

# httpd_config [LINE...]: a server with and one without TLS.
httpd_config()
{
	local module
	cat <<-EOF
	ServerRoot "/usr/local/apache2"
	PidFile logs/httpd.pid
	ServerName localhost
	Listen 127.0.0.1:$service
	Listen 127.0.0.1:$secure
	EOF
	for module in mpm_event authn_core authz_core mime dir alias http2 \
	    ssl socache_shmcb proxy proxy_http ldap dbd session \
	    session_cookie session_crypto; do
		echo "LoadModule ${module}_module modules/mod_$module.so"
	done
	cat <<-EOF
	User www-data
	Group www-data
	DocumentRoot htdocs
	DirectoryIndex index.html
	TypesConfig conf/mime.types
	ErrorLog /proc/self/fd/2
	LogFormat "%h \"%r\" %>s" common
	CustomLog /proc/self/fd/1 common
	CustomLog "|bin/rotatelogs /tmp/access 86400" common
	Protocols h2 http/1.1
	DBDriver sqlite3
	DBDParams /tmp/access.db
	LDAPTrustedGlobalCert CA_BASE64 /tls/ca.pem
	Session On
	SessionCookieName session path=/
	SessionCryptoPassphrase secret
	ProxyPass /api/ http://127.0.0.1:$web/
	<VirtualHost 127.0.0.1:$secure>
	    SSLEngine on
	    SSLCertificateFile /tls/cert.pem
	    SSLCertificateKeyFile /tls/key.pem
	</VirtualHost>
	EOF
	[ $# = 0 ] || printf '%s\n' "$@"
}

try_httpd()
{
	local secure
	make_tls_files
	start_web
	pulled httpd 2.4
	secure=$(free_port)
	httpd_config > "$dir/httpd.conf"
	check 'httpd: it starts' run_image httpd httpd:2.4 "${least[@]}" \
	    --cap-add SETUID --cap-add SETGID --cap-add KILL \
	    --tmpfs /usr/local/apache2/logs -v "$dir/tls:/tls:ro" \
	    -v "$dir/httpd.conf:/usr/local/apache2/conf/httpd.conf:ro"
	check 'httpd: it serves' wait_for 60 answers "http://127.0.0.1:$service/"
	has 'httpd: its page' "$(over_tls "$secure" /)" 'It works'
	is 'httpd: HTTP/2 over TLS' "$(over_tls "$secure" / -o /dev/null \
	    -w '%{http_version}')" 2
	is 'httpd: a server behind it' "$(over_tls "$secure" /api/)" 'from behind'
	has 'httpd: its log is the output' "$(dock logs httpd 2>&1)" \
	    'GET /api/ HTTP/2'
	has 'httpd: a process for a log' "$(dock top httpd)" 'rotatelogs'
	has 'httpd: workers are www-data' "$(dock top httpd -o pid,uid,args)" \
	    ' 33 +httpd'
	httpd_config 'Redirect /old /new' > "$dir/httpd.conf"
	check 'httpd: it is told to reload' dock kill -s USR1 httpd
	check 'httpd: it has reloaded' wait_for 60 is_moved "$secure" /old
	check 'httpd: it stops on its stop signal' dock stop -t 30 httpd
	has 'httpd: and gracefully' "$(dock logs httpd 2>&1)" 'caught SIGWINCH'
	check 'httpd: no worker has died' lacks "$(dock logs httpd 2>&1)" \
	    'libgcc_s|exit signal'
}

is_moved() { [ "$(over_tls "$@" -o /dev/null -w '%{http_code}')" = 302 ]; }
