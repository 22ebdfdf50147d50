-- name: set_price
INSERT INTO price (account_id, channel, prefix, amount, vat, capture, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account_id, channel, prefix) DO UPDATE
SET amount = excluded.amount, vat = excluded.vat, capture = excluded.capture, created_at = excluded.created_at;

-- name: delete_price
DELETE FROM price WHERE account_id = $1 AND channel = $2 AND prefix = $3 RETURNING prefix;

-- name: list_prices
-- across accounts: the installation's operator sees the prices of all of them.
SELECT account_id, channel, prefix, amount, vat, capture, created_at
FROM price
ORDER BY account_id, channel, prefix;

-- name: list_account_prices
SELECT account_id, channel, prefix, amount, vat, capture, created_at
FROM price
WHERE account_id = $1 OR account_id = 0
ORDER BY account_id, channel, prefix;

-- name: load_prices
SELECT account_id, prefix, amount, vat, capture
FROM price
WHERE (account_id = $1 OR account_id = 0) AND channel = $2;
