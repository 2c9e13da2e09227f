# /ping answers; / says what of Ruby works, a line for each trial.
require 'sinatra'
require 'bigdecimal'
require 'digest'
require 'erb'
require 'etc'
require 'fiddle'
require 'json'
require 'net/http'
require 'nokogiri'
require 'open3'
require 'openssl'
require 'resolv'
require 'sqlite3'
require 'tempfile'
require 'yaml'
require 'zlib'

# Over TLS to this server.
def over_tls
  http = Net::HTTP.new('localhost', ENV.fetch('TLS_PORT'))
  http.use_ssl = true
  http.ca_file = "#{ENV.fetch('TLS_DIR')}/ca.pem"
  http.get('/ping').body
end

def pipe_from_child
  read, write = IO.pipe
  pid = fork { write << 'forked' }
  write.close
  Process.wait(pid)
  read.read
end

def zone
  ENV['TZ'] = 'Europe/Zurich'
  Time.at(0).strftime('%H:%M %Z')
ensure
  ENV.delete('TZ')
end

TRIALS = {
  user: -> { Etc.getpwuid(Process.uid).name },
  encoding: -> { Encoding.default_external },
  transcode: -> { 'zwölf 日本'.encode('UTF-16').bytesize.to_s + ',' +
                  '日本'.encode('Shift_JIS').bytes.join(' ') },
  regexp: -> { "日本\xA4".dup.force_encoding('EUC-JP').encoding },
  unicode: -> { 'Ångström'.unicode_normalize(:nfd).length },
  zone: -> { zone },
  tls: -> { over_tls },
  cipher: -> { OpenSSL::Cipher.new('aes-256-gcm').name },
  authorities: -> { OpenSSL::X509::Store.new.set_default_paths.nil? &&
                    File.readable?(OpenSSL::X509::DEFAULT_CERT_FILE) },
  getaddrinfo: -> { Addrinfo.getaddrinfo('localhost', 80, :INET).first.ip_address },
  resolv: -> { Resolv::Hosts.new.getaddress('localhost') },
  service: -> { Socket.getservbyname('https') },
  yaml: -> { YAML.dump('a' => [1]).inspect },
  json: -> { JSON.generate('a' => 'ö') },
  erb: -> { ERB.new('<%= 6 * 7 %>').result },
  bigdecimal: -> { BigDecimal('0.1') + BigDecimal('0.2') },
  zlib: -> { Zlib.gunzip(Zlib.gzip('gzip')) },
  digest: -> { Digest::SHA256.hexdigest('')[0, 8] },
  nokogiri: -> { Nokogiri::HTML('<p>ö').at('p').text },
  latin: -> { Nokogiri::HTML('<p>Grüße'.encode('ISO-8859-15'), nil,
                             'ISO-8859-15').at('p').text },
  japanese: -> { Nokogiri::HTML('<p>日本'.encode('Shift_JIS'), nil,
                                'Shift_JIS').at('p').text },
  sqlite: -> { SQLite3::Database.new(':memory:').get_first_value('select 42') },
  fiddle: -> { Fiddle::Function.new(Fiddle.dlopen('libm.so.6')['cos'],
    [Fiddle::TYPE_DOUBLE], Fiddle::TYPE_DOUBLE).call(0) },
  yjit: -> { defined?(RubyVM::YJIT) ? RubyVM::YJIT.enabled? : 'none' },
  tempfile: -> { Tempfile.create { |f| f.write('x') } },
  fork: -> { pipe_from_child },
  spawn: -> { Open3.capture2('ruby', '-e', 'print 42').first },
  ractor: -> { Thread.new { 42 }.value },
  shell: -> { begin; `exit; `; 'there'; rescue Errno::ENOENT; 'ENOENT'; end },
}.freeze

get('/ping') { 'pong' }
get '/' do
  content_type 'text/plain'
  TRIALS.map do |name, trial|
    "#{name}: #{trial.call}\n"
  rescue StandardError, LoadError => e
    "#{name} FAILED: #{e.full_message(highlight: false)}\n"
  end
end
