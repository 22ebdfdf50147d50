-- name: add_domain
INSERT INTO link_domain (account_id, host, token, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, host) DO NOTHING;

-- name: get_domain
SELECT d.host, d.token, d.created_at, d.verified_at FROM link_domain d WHERE d.account_id = $1 AND d.host = $2;

-- name: list_domains
SELECT d.host, d.token, d.created_at, d.verified_at FROM link_domain d WHERE d.account_id = $1 ORDER BY d.host;

-- name: owner_of_host
-- across accounts: a host is one account's.
SELECT d.account_id FROM link_domain d WHERE d.host = $1 AND d.account_id <> $2 AND d.verified_at IS NOT NULL LIMIT 1;

-- name: verify_domain
UPDATE link_domain SET verified_at = $4 WHERE account_id = $1 AND host = $2 AND token = $3 RETURNING host;

-- name: remove_domain
DELETE FROM link_domain WHERE account_id = $1 AND host = $2 RETURNING host;
