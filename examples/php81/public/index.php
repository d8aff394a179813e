<?php
// The smallest application of PHP: it greets.
header('Content-Type: text/plain');
echo 'Hello from PHP ', PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION, "\n";
