<?php
// What of PHP works, a line for each trial.
ob_start();
$trials = [
    'user' => fn() => posix_getpwuid(posix_geteuid())['name'],
    'intl' => fn() => (new NumberFormatter('de-CH', NumberFormatter::SPELLOUT))
        ->format(21),
    'collator' => function () {
        $words = ['z', 'ä'];
        (new Collator('sv'))->sort($words);
        return implode($words);
    },
    'opcache' => fn() => opcache_get_status()['opcache_enabled'] ? 'on' : 'off',
    'sqlite' => fn() => (new PDO('sqlite::memory:'))
        ->query('select upper("sql")')->fetchColumn(),
    'openssl' => fn() => openssl_decrypt(openssl_encrypt('text', 'aes-256-gcm',
        'key', 0, '123456789012', $tag), 'aes-256-gcm', 'key', 0,
        '123456789012', $tag),
    'tls' => fn() => count(openssl_get_cert_locations()) &&
        is_readable(openssl_get_cert_locations()['default_cert_dir'])
        ? 'authorities' : 'none',
    'iconv' => fn() => bin2hex(iconv('UTF-8', 'ISO-8859-1', 'ä')),
    'mbstring' => fn() => mb_strtoupper('zwölf'),
    'dom' => fn() => (new DOMDocument())->loadXML('<a/>') ? 'xml' : 'no',
    'fileinfo' => fn() => (new finfo(FILEINFO_MIME_TYPE))->buffer('%PDF-1.4'),
    'zone' => fn() => (new DateTime('@0'))
        ->setTimezone(new DateTimeZone('Europe/Zurich'))->format('H:i T'),
    'session' => fn() => session_start() ? 'started' : 'no',
    'locale' => fn() => setlocale(LC_ALL, 'C.UTF-8'),
    'dns' => fn() => gethostbyname('localhost'),
    'shell' => fn() => trim(@shell_exec('echo there') ?: 'none'),
];
header('Content-Type: text/plain; charset=utf-8');
foreach ($trials as $name => $trial) {
    try {
        echo "$name: ", $trial(), "\n";
    } catch (Throwable $error) {
        echo "$name FAILED: $error\n";
    }
}
