<?php
// Verifies the signature of an answer in PHP with DOM and OpenSSL.
declare(strict_types=1);

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const METHODS = [
    OPENSSL_KEYTYPE_RSA => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    OPENSSL_KEYTYPE_EC => 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
];

/** Whether the message is signed with this certificate (PEM) over what its profile says, and unchanged. */
function verified(string $raw, string $certificate, string $profile): bool
{
    $document = new DOMDocument();
    $document->loadXML($raw);
    $path = new DOMXPath($document);
    foreach (['ds' => DS, 'wsse' => WSSE, 'wsu' => WSU] as $prefix => $namespace) {
        $path->registerNamespace($prefix, $namespace);
    }
    // The one signature at its place, and exactly one of each part that is read.
    $place = '/*/*[local-name()="Header"]' . ($profile === 'wsse' ? '/wsse:Security' : '') . '/ds:Signature';
    $signature = $path->query($place)->item(0);
    $targets = $profile === 'wsse'
        ? ['#Body' => '/*/*[local-name()="Body"]', '#Timestamp' => '/*/*[local-name()="Header"]/wsse:Security/wsu:Timestamp']
        : ['' => '/*'];
    if ($signature === null || $path->query('//ds:Signature')->length !== 1) {
        return false;
    }
    // The value signs SignedInfo, with the method that belongs to the key.
    $key = openssl_pkey_get_public($certificate);
    $type = openssl_pkey_get_details($key)['type'];
    $signed = $path->query('ds:SignedInfo', $signature)->item(0);
    $value = base64_decode($path->evaluate('string(ds:SignatureValue)', $signature));
    if ($path->evaluate('string(ds:SignatureMethod/@Algorithm)', $signed) !== METHODS[$type]) {
        return false;
    }
    $value = $type === OPENSSL_KEYTYPE_EC ? der($value) : $value;
    if (openssl_verify($signed->C14N(true), $value, $key, OPENSSL_ALGO_SHA256) !== 1) {
        return false;
    }
    // SignedInfo names the parts, and their digests are those of the parts that are read.
    $digests = [];
    foreach ($path->query('ds:Reference', $signed) as $reference) {
        $digests[$reference->getAttribute('URI')] = $path->evaluate('string(ds:DigestValue)', $reference);
        if ($path->evaluate('string(ds:DigestMethod/@Algorithm)', $reference) !== SHA256) {
            return false;
        }
    }
    if ($profile === 'umschlag') {
        $signature->parentNode->removeChild($signature);
    }
    $found = [];
    foreach ($targets as $uri => $place) {
        $parts = $path->query($place);
        if ($parts->length !== 1 || ($uri !== '' && '#' . $parts->item(0)->getAttributeNS(WSU, 'Id') !== $uri)) {
            return false;
        }
        $found[$uri] = base64_encode(hash('sha256', $parts->item(0)->C14N(true), true));
    }
    ksort($digests);
    return $digests === $found;
}

/** r and s, half of the octets each (XML Signature), as OpenSSL wants them. */
function der(string $value): string
{
    $numbers = '';
    foreach (str_split($value, intdiv(strlen($value) + 1, 2)) as $half) {
        $half = ltrim($half, "\0");
        $half = $half === '' || ord($half[0]) > 127 ? "\0$half" : $half;
        $numbers .= "\x02" . chr(strlen($half)) . $half;
    }
    return "\x30" . chr(strlen($numbers)) . $numbers;
}
