-- name: find_by_key
-- across accounts: whose call it is, is known only once its credential is. The table is a global one.
SELECT account_id, credential_id, audience_id, confined, traffic_class, sender_defaults, key_name, secret_hash, sealed_secret, scopes,
    allowed_networks, calls_per_second, expires_at, revoked_at
FROM credential
WHERE dialect = $1 AND key_name = $2;

-- name: find_by_token
-- The token's scopes and the account's status: one statement a call.
SELECT c.account_id, c.credential_id, c.audience_id, c.confined, c.traffic_class, c.sender_defaults, c.key_name, t.scopes, c.allowed_networks,
    c.calls_per_second, c.expires_at, c.revoked_at, t.expires_at AS token_expires_at, a.status, a.time_zone,
    a.clock_offset, b.country, b.is_default
FROM access_token t
JOIN credential c ON c.account_id = t.account_id AND c.credential_id = t.credential_id
JOIN account a ON a.account_id = t.account_id
JOIN audience b ON b.account_id = t.account_id AND b.audience_id = c.audience_id
WHERE t.account_id = $1 AND t.token_hash = $2 AND c.dialect = $3;

-- name: account_status
SELECT a.status, a.time_zone, a.clock_offset, b.country, b.is_default
FROM account a
JOIN audience b ON b.account_id = a.account_id
WHERE a.account_id = $1 AND b.audience_id = $2;

-- name: note_use
INSERT INTO credential_use (account_id, credential_id, last_used_at)
VALUES ($1, $2, $3)
ON CONFLICT (account_id, credential_id) DO UPDATE SET last_used_at = excluded.last_used_at
WHERE credential_use.last_used_at < excluded.last_used_at;
