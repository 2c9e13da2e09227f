// Serves http on $PORT and https on $TLS_PORT; / says what of node works, a
// line for each trial.
'use strict';

const child_process = require('child_process');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const https = require('https');
const os = require('os');
const zlib = require('zlib');
const { Worker } = require('worker_threads');
const { greet } = require('greet');

const { PORT, TLS_PORT, TLS_DIR } = process.env;
const tls = {
  key: fs.readFileSync(`${TLS_DIR}/key.pem`),
  cert: fs.readFileSync(`${TLS_DIR}/cert.pem`),
  ca: fs.readFileSync(`${TLS_DIR}/ca.pem`),
};

dns.setDefaultResultOrder('ipv4first');

const trials = {
  user: () => os.userInfo().username,
  modules: () => greet('node'),
  // An ES module that is loaded from, and loads, a CommonJS one.
  esm: async () => (await import('data:text/javascript,export default 42'))
    .default + Object.keys(await import('greet')).join(),
  dns: async () => (await dns.promises.lookup('localhost')).address,
  fs: () => {
    fs.writeFileSync('/tmp/trial', 'text');
    return fs.readFileSync('/tmp/trial', 'utf8');
  },
  zlib: () => zlib.gunzipSync(zlib.gzipSync('gzip')) + ',' +
    zlib.brotliDecompressSync(zlib.brotliCompressSync('brotli')),
  intl: () => new Intl.DateTimeFormat('de-CH', {
    dateStyle: 'full', timeStyle: 'short', timeZone: 'Europe/Zurich',
  }).format(new Date(0)) + ' ' + ['z', 'ä'].sort(new Intl.Collator('sv').compare),
  zone: () => String(new Date(0)),
  worker: () => new Promise((resolve, reject) => {
    new Worker('require("worker_threads").parentPort.postMessage(6 * 7)',
      { eval: true }).on('message', resolve).on('error', reject);
  }),
  fork: () => child_process.execFileSync(process.execPath,
    ['-p', '"forked"'], { encoding: 'utf8' }).trim(),
  shell: () => {
    const { error } = child_process.spawnSync('exit', { shell: true });
    return error ? error.code : 'there';
  },
  https: () => new Promise((resolve, reject) => {
    https.get({ host: 'localhost', port: TLS_PORT, path: '/ping', ca: tls.ca },
      (reply) => resolve(reply.socket.getProtocol())).on('error', reject);
  }),
  fetch: async () => (await fetch(`http://localhost:${PORT}/ping`)).text(),
  wasm: () => WebAssembly.validate(Buffer.from('0061736d01000000', 'hex')),
};

async function answer(request, reply) {
  if (request.url === '/ping')
    return reply.end('pong');
  for (const [name, trial] of Object.entries(trials)) {
    try {
      reply.write(`${name}: ${await trial()}\n`);
    } catch (error) {
      reply.write(`${name} FAILED: ${error.stack}\n`);
    }
  }
  reply.end();
}

http.createServer(answer).listen(PORT, '127.0.0.1');
https.createServer(tls, answer).listen(TLS_PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
