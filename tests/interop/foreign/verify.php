<?php
// Usage: php verify.php CERTIFICATE PROFILE=FILE...; prints true or false for each file.
declare(strict_types=1);
require __DIR__ . '/seal.php';

set_error_handler(fn(int $level, string $text, string $file, int $line) => throw new ErrorException($text, 0, $level, $file, $line));
foreach (array_slice($argv, 2) as $asked) {
    [$profile, $file] = explode('=', $asked, 2);
    echo json_encode(verified(file_get_contents($file), file_get_contents($argv[1]), $profile)), "\n";
}
