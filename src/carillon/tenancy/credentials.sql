-- name: audience_exists
-- A deletion of the audience waits, and finds the credential.
SELECT TRUE FROM audience WHERE account_id = $1 AND audience_id = $2 FOR KEY SHARE;

-- name: create_credential
INSERT INTO credential (account_id, credential_id, audience_id, dialect, key_name, secret_hash, sealed_secret, scopes,
    allowed_networks, calls_per_second, expires_at, created_at, confined, traffic_class, sender_defaults)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::jsonb);

-- name: list_credentials
-- Of one that an earlier version made it is read as authentication does.
SELECT c.credential_id, c.audience_id, c.dialect, c.key_name, coalesce(c.confined, NOT a.is_default, false) AS confined,
    c.traffic_class, c.sender_defaults ->> 'im_sender' AS im_sender, c.sender_defaults ->> 'im_channel' AS im_channel, c.scopes,
    c.allowed_networks, c.calls_per_second, c.expires_at, c.revoked_at, c.created_at, u.last_used_at
FROM credential c
LEFT JOIN audience a ON a.account_id = $1 AND a.audience_id = c.audience_id
LEFT JOIN credential_use u ON u.account_id = $1 AND u.credential_id = c.credential_id
WHERE c.account_id = $1
ORDER BY c.credential_id;

-- name: sealed_secrets
SELECT credential_id, sealed_secret
FROM credential
WHERE account_id = $1 AND sealed_secret IS NOT NULL AND revoked_at IS NULL;

-- name: lock_credential
SELECT revoked_at FROM credential WHERE account_id = $1 AND credential_id = $2 FOR NO KEY UPDATE;

-- name: revoke_credential
UPDATE credential SET revoked_at = $3 WHERE account_id = $1 AND credential_id = $2;
