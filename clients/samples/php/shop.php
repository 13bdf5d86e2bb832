<?php
// A shop's backend in plain PHP: `PORTAL=… KEY=… SECRET=… php -S 127.0.0.1:8100 shop.php`.
declare(strict_types=1);

$secret = getenv('SECRET');
$shop = getenv('SHOP') ?: 'http://127.0.0.1:8100';
$kept = sys_get_temp_dir() . '/heard-' . md5($secret) . '.json'; // a table of your database

function call(string $method, string $path, ?array $body = null): array
{
    $headers = ['Authorization: Bearer ' . getenv('KEY'), 'Content-Type: application/json'];
    $options = ['method' => $method, 'header' => $headers, 'ignore_errors' => true];
    if ($body !== null) {
        $options['content'] = json_encode($body);
    }
    $said = file_get_contents(getenv('PORTAL') . '/api/v1' . $path, false, stream_context_create(['http' => $options]));
    $found = json_decode($said, true, flags: JSON_THROW_ON_ERROR);
    if (isset($found['code'])) {
        throw new RuntimeException("{$found['code']}: {$found['detail']}");
    }
    return $found;
}

function answer(mixed $found): void
{
    header('Content-Type: application/json');
    echo json_encode($found);
}

function isSigned(string $secret, string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $at = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $key = base64_decode(substr($secret, strlen('whsec_')));
    $right = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$at.$body", $key, true));
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($right, $given)) {
            return abs(time() - (int) $at) < 300;
        }
    }
    return false;
}

[$path] = explode('?', $_SERVER['REQUEST_URI']);
if (preg_match('#^/start/([^/]+)$#', $path, $found)) {
    $started = call('POST', '/onboardings', ['external_id' => urldecode($found[1]), 'return_url' => "$shop/done"]);
    header("Location: {$started['url']}", true, 303);
} elseif ($path === '/done') {
    $query = $_SERVER['QUERY_STRING'] ?? '';
    $cut = strrpos($query, '&signature=');
    $signed = $cut === false ? '' : substr($query, 0, $cut);
    $signature = $cut === false ? '' : substr($query, $cut + strlen('&signature='));
    parse_str($signed, $given);
    $isFresh = abs(time() - (int) ($given['t'] ?? 0)) < 300;
    if (!hash_equals(hash_hmac('sha256', $signed, $secret), $signature) || !$isFresh) {
        http_response_code(400);
    } else {
        $truth = call('GET', '/onboardings/' . rawurlencode($given['onboarding_id']));
        answer(['external_id' => $truth['external_id'], 'status' => $truth['status']]);
    }
} elseif ($path === '/hooks' && $_SERVER['REQUEST_METHOD'] === 'POST') {
    $body = file_get_contents('php://input'); // the bytes as they came
    if (!isSigned($secret, $body)) {
        http_response_code(400);
    } else {
        $data = json_decode($body, true)['data'];
        $newest = is_file($kept) ? json_decode(file_get_contents($kept), true) : [];
        if ($data['sequence'] > ($newest[$data['id']]['sequence'] ?? 0)) {
            $newest[$data['id']] = $data;
            file_put_contents($kept, json_encode($newest), LOCK_EX);
        }
        http_response_code(204);
    }
} elseif ($path === '/heard') {
    $newest = is_file($kept) ? json_decode(file_get_contents($kept), true) : [];
    answer(array_map(fn ($it) => ['external_id' => $it['external_id'], 'status' => $it['status']], array_values($newest)));
} else {
    http_response_code(404);
}
