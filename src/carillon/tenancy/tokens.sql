-- name: add_token
INSERT INTO access_token (account_id, token_hash, credential_id, scopes, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: drop_token
DELETE FROM access_token WHERE account_id = $1 AND token_hash = $2 AND credential_id = $3;

-- name: drop_expired
WITH k AS MATERIALIZED (
    SELECT token_hash FROM access_token
    WHERE account_id = $1 AND credential_id = $2 AND expires_at <= $3
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
DELETE FROM access_token t USING k WHERE t.account_id = $1 AND t.token_hash = k.token_hash;
