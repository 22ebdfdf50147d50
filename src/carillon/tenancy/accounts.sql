-- name: create_account
INSERT INTO account (account_id, name, country, time_zone, currency, status, created_at, sandbox, spam_window)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: create_default_audience
INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at)
VALUES ($1, $2, $3, $4, true, $5);

-- name: list_accounts
-- across accounts: the installation's operator sees all of them.
SELECT account_id, name, country, time_zone, currency, status, created_at
FROM account
WHERE account_id > $1
ORDER BY account_id
LIMIT $2;

-- name: get_account
SELECT account_id, name, country, time_zone, currency, status, created_at FROM account WHERE account_id = $1;

-- name: lock_account
SELECT account_id, name, country, time_zone, currency, status, created_at
FROM account
WHERE account_id = $1
FOR NO KEY UPDATE;

-- name: set_status
UPDATE account SET status = $2 WHERE account_id = $1;

-- name: open_account
SELECT a.account_id, b.audience_id, b.country, a.time_zone, a.clock_offset
FROM account a
JOIN audience b ON b.account_id = a.account_id
WHERE a.account_id = $1 AND (b.audience_id = $2 OR ($2::bigint IS NULL AND b.is_default));

-- name: advance_clock
UPDATE account SET clock_offset = clock_offset + $2::interval WHERE account_id = $1 RETURNING clock_offset;
