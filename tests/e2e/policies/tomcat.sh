# Tomcat for policies-serve.sh: JSP, which it compiles, in the original and the
# variant; the native library, TLS, an application that is put there.
# shellcheck shell=bash disable=SC2154

# tomcat_config: a connector without and one with TLS.
tomcat_config()
{
	cat <<-EOT
	<Server port="-1">
	  <Listener className="org.apache.catalina.core.AprLifecycleListener"/>
	  <Service name="Catalina">
	    <Connector port="$service" address="127.0.0.1"/>
	    <Connector port="$tls" address="127.0.0.1" SSLEnabled="true">
	      <UpgradeProtocol className="org.apache.coyote.http2.Http2Protocol"/>
	      <SSLHostConfig>
	        <Certificate certificateFile="/tls/cert.pem"
	            certificateKeyFile="/tls/key.pem"/>
	      </SSLHostConfig>
	    </Connector>
	    <Engine name="Catalina" defaultHost="localhost">
	      <Host name="localhost" appBase="webapps"/>
	    </Engine>
	  </Service>
	</Server>
	EOT
}

run_tomcat()
{
	run_image "$1" "$2" --cap-drop ALL -e "TLS_PORT=$tls" -e TZ=Asia/Tokyo \
	    -e JDK_JAVA_OPTIONS=-Xmx200m -v "$dir/tls:/tls:ro" "${@:3}" \
	    -v "$dir/server.xml:/usr/local/tomcat/conf/server.xml:ro"
}

try_tomcat()
{
	local tls url
	make_tls_files
	pulled tomcat 10.1-jre17
	tls=$(free_port) url=http://127.0.0.1:$service
	tomcat_config > "$dir/server.xml"
	check 'tomcat: the original starts' run_tomcat first-tomcat \
	    original/tomcat:10.1-jre17
	check 'tomcat: it answers' wait_for 120 answers "$url/ping.txt"
	curl -sS "$url/" > "$dir/tomcat.original"
	check 'tomcat: it stops' dock stop -t 30 first-tomcat
	check 'tomcat: the variant starts' run_tomcat tomcat tomcat:10.1-jre17
	check 'tomcat: it answers' wait_for 120 answers "$url/ping.txt"
	check 'tomcat: JSP, TLS, fonts, locales as in the original' \
	    as_original tomcat "$url/" none
	# Tomcat does not use Debian's, which is too old, but has opened it.
	has 'tomcat: the native library' "$(dock logs tomcat 2>&1)" \
	    'AprLifecycleListener.*(version \[[12]|Loaded)'
	is 'tomcat: HTTP/2 over TLS' "$(over_tls "$tls" /ping.txt -o /dev/null \
	    -w '%{http_version}')" 2
	mkdir "$dir/late"
	echo 'late ${6 * 7}' > "$dir/late/index.jsp"
	check 'tomcat: an application is put there' \
	    dock cp "$dir/late" tomcat:/usr/local/tomcat/webapps/
	check 'tomcat: it answers' wait_for 120 answers "$url/late/"
	is 'tomcat: as it should' "$(curl -sS "$url/late/")" 'late 42'
	check 'tomcat: it is asked for its threads' dock kill -s QUIT tomcat
	check 'tomcat: it says them' wait_for 20 tomcat_logs 'Full thread dump'
	has 'tomcat: no shell answers' \
	    "$(dock exec tomcat catalina.sh version 2>&1)" 'not found'
	check 'tomcat: it stops' dock stop -t 30 tomcat
	has 'tomcat: gracefully' "$(dock logs tomcat 2>&1)" \
	    'Destroying ProtocolHandler'
	check 'tomcat: with fewer rights' run_tomcat tomcat-least \
	    tomcat:10.1-jre17 --read-only --tmpfs /usr/local/tomcat/work \
	    --tmpfs /usr/local/tomcat/temp --tmpfs /usr/local/tomcat/logs \
	    --user 1234
	check 'tomcat: it answers' wait_for 120 answers "$url/"
	check 'tomcat: it stops' dock stop -t 30 tomcat-least
}

tomcat_logs() { dock logs tomcat 2>&1 | grep -q "$1"; }
