-- name: commit_without_waiting
-- The log is written in order: whatever the call itself commits later makes its row durable too.
SET LOCAL synchronous_commit = off;

-- name: remember_call
-- Of one that is there the first time stays, and is returned.
INSERT INTO signed_call (account_id, signature, first_seen_at, expires_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, signature) DO UPDATE SET expires_at = excluded.expires_at
RETURNING first_seen_at;

-- name: delete_expired
WITH k AS MATERIALIZED (
    SELECT signature FROM signed_call
    WHERE account_id = $1 AND expires_at <= $2
    ORDER BY expires_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
DELETE FROM signed_call s USING k WHERE s.account_id = $1 AND s.signature = k.signature
RETURNING s.signature;
