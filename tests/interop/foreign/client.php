<?php
// PHP's own SoapClient, with the WSDL alone; seal.php verifies the signature.
// Usage: php client.php task.json; one line of JSON per call goes to standard output.
declare(strict_types=1);
require __DIR__ . '/seal.php';

set_error_handler(fn(int $level, string $text, string $file, int $line) => throw new ErrorException($text, 0, $level, $file, $line));
ini_set('soap.wsdl_cache_enabled', '0');
$task = json_decode(file_get_contents($argv[1]), true, flags: JSON_THROW_ON_ERROR);
$tls = stream_context_create(['ssl' => ['cafile' => $task['ca'], 'local_cert' => $task['certificate'], 'local_pk' => $task['key']]]);
$client = new SoapClient($task['wsdl'], [
    'stream_context' => $tls,
    'soap_version' => $task['soap'] === '1.2' ? SOAP_1_2 : SOAP_1_1,
    'trace' => true,
    'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
]);
if ($task['soap'] === '1.2') {
    // PHP always takes the first port; the service's address is the same for both.
    $client->__setLocation($task['service']);
}
foreach ($task['calls'] as $call) {
    $headers = [];
    $said = ['operation' => $call['operation']];
    try {
        $context = new SoapHeader($task['namespace'], 'abrufkontext', (object) $task['context']);
        $body = $client->__soapCall($call['operation'], [(object) $call['parameters']], null, [$context], $headers);
        $said['protokollnummer'] = $headers['quittung']->protokollnummer;
        $said['read'] = read($body, explode('/', $call['read']));
    } catch (SoapFault $fault) {
        $said['fault'] = $fault->detail->fehler->code ?? "no detail: {$fault->getMessage()}";
        $said['read'] = read($fault->detail->fehler ?? null, ['befund']);
    }
    $said['verified'] = verified($client->__getLastResponse(), file_get_contents($task['signing']), $task['profile']);
    echo json_encode($said, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE), "\n";
}

/** The texts at a path of names, through lists. */
function read(mixed $value, array $path): array
{
    if (is_array($value)) {
        return array_merge([], ...array_map(fn($item) => read($item, $path), array_values($value)));
    }
    if ($path === []) {
        return $value === null ? [] : [is_bool($value) ? json_encode($value) : (string) $value];
    }
    return is_object($value) && isset($value->{$path[0]}) ? read($value->{$path[0]}, array_slice($path, 1)) : [];
}
