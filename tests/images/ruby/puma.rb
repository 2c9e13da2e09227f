# Two workers, http on $PORT and https on $TLS_PORT.
tls = ENV.fetch('TLS_DIR')
workers 2
threads 1, 4
preload_app!
bind "tcp://127.0.0.1:#{ENV.fetch('PORT')}"
ssl_bind '127.0.0.1', ENV.fetch('TLS_PORT'),
         cert: "#{tls}/cert.pem", key: "#{tls}/key.pem"
