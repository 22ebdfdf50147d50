-- fragment: is_pending
otp.state = 'pending' AND otp.attempts < otp.max_attempts AND otp.expires_at

-- name: lock_otp
SELECT {is_pending} > $4 AS is_pending
FROM otp
WHERE account_id = $1 AND dialect = $2 AND reference = $3
FOR UPDATE;

-- name: put_otp
-- What the superseded one was sent by is ended by the worker, at once. None is put where $13 has a pending one keep its place.
INSERT INTO otp (account_id, dialect, reference, otp_id, recipient, digest, superseded, state, attempts, max_attempts,
    created_at, updated_at, expires_at, sendings, stale, hedge_at, due_at, claims)
VALUES ($1, $2, $3, $4, $5, $6, '{}', 'pending', 0, $7, $8, $8, $9, $10, '{}', $11, $12, 0)
ON CONFLICT (account_id, dialect, reference) DO UPDATE
SET otp_id = excluded.otp_id,
    recipient = excluded.recipient,
    digest = excluded.digest,
    superseded = (array_prepend(otp.digest, otp.superseded))[1:5],
    state = excluded.state,
    attempts = excluded.attempts,
    max_attempts = excluded.max_attempts,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    expires_at = excluded.expires_at,
    ended_at = NULL,
    sendings = excluded.sendings,
    stale = otp.stale || otp.sendings,
    hedge_at = excluded.hedge_at,
    due_at = CASE WHEN cardinality(otp.stale || otp.sendings) > 0 THEN excluded.created_at ELSE excluded.due_at END,
    leased_until = NULL,
    claims = otp.claims + 1
WHERE NOT ($13::boolean AND {is_pending} > excluded.created_at)
RETURNING otp_id, recipient, state, attempts, max_attempts, created_at, updated_at, expires_at, sendings;
