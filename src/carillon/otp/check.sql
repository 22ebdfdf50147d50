-- name: verify_otp
UPDATE otp
SET state = 'verified', ended_at = $4, due_at = $5
WHERE account_id = $1 AND dialect = $2 AND reference = $3 AND state = 'pending'
RETURNING otp_id, recipient, state, attempts, max_attempts, created_at, updated_at, expires_at, sendings,
    sendings || stale AS ended;
