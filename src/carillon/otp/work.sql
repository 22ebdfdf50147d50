-- name: accounts_with_otps
-- across accounts: a worker polls for what is due; each account's first due password is found by its index.
SELECT a.account_id
FROM account a
WHERE EXISTS (
    SELECT FROM otp o
    WHERE o.account_id = a.account_id AND o.due_at <= $1::timestamptz + a.clock_offset
      AND (o.leased_until IS NULL OR o.leased_until NOT BETWEEN $1 AND $2)
)
ORDER BY a.account_id;

-- name: claim_otps
-- It is not waited for on the disk: one that a crash loses was never used.
WITH t AS MATERIALIZED (
    SELECT clock_offset, set_config('synchronous_commit', 'off', true) FROM account WHERE account_id = $1
), k AS MATERIALIZED (
    SELECT o.dialect, o.reference
    FROM otp o
    WHERE o.account_id = $1 AND o.due_at <= $2::timestamptz + (SELECT clock_offset FROM t)
      AND (o.leased_until IS NULL OR o.leased_until NOT BETWEEN $2 AND $3)
    ORDER BY o.due_at
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE otp o
SET leased_until = $5, claims = o.claims + 1
FROM k, t
WHERE o.account_id = $1 AND o.dialect = k.dialect AND o.reference = k.reference
RETURNING o.dialect, o.reference, o.claims, o.otp_id AS work_id, o.due_at, t.clock_offset;

-- name: lease_otps
UPDATE otp o
SET leased_until = $5
FROM unnest($2::text[], $3::text[], $4::integer[]) AS held (dialect, reference, claims)
WHERE o.account_id = $1 AND o.dialect = held.dialect AND o.reference = held.reference AND o.claims = held.claims;

-- name: lock_otps
-- Those that are still held, in the order of their keys.
SELECT o.dialect, o.reference, o.claims, o.recipient, o.state, o.expires_at, o.ended_at, o.hedge_at, o.sendings, o.stale
FROM unnest($2::text[], $3::text[], $4::integer[]) AS held (dialect, reference, claims)
JOIN otp o ON o.account_id = $1 AND o.dialect = held.dialect AND o.reference = held.reference AND o.claims = held.claims
ORDER BY o.dialect, o.reference
FOR UPDATE OF o;

-- name: settle_otps
-- What superseded ones were sent by is ended; what is over has ended and is kept for a while ($5).
UPDATE otp o
SET stale = '{}',
    state = CASE WHEN o.state = 'pending' AND o.expires_at <= $4 THEN 'expired' ELSE o.state END,
    ended_at = CASE WHEN o.ended_at IS NULL AND o.expires_at <= $4 THEN o.expires_at ELSE o.ended_at END,
    due_at = CASE WHEN o.ended_at IS NOT NULL THEN o.ended_at + $5::interval
                  WHEN o.expires_at <= $4 THEN o.expires_at + $5::interval
                  ELSE least(coalesce(o.hedge_at, o.expires_at), o.expires_at) END,
    leased_until = NULL
FROM unnest($2::text[], $3::text[]) AS k (dialect, reference)
WHERE o.account_id = $1 AND o.dialect = k.dialect AND o.reference = k.reference;

-- name: put_hedge
UPDATE otp
SET sendings = sendings || $4::uuid[],
    stale = '{}',
    hedge_at = $5,
    due_at = least(coalesce($5, expires_at), expires_at),
    leased_until = NULL
WHERE account_id = $1 AND dialect = $2 AND reference = $3;

-- name: delete_otps
DELETE FROM otp o
USING unnest($2::text[], $3::text[]) AS k (dialect, reference)
WHERE o.account_id = $1 AND o.dialect = k.dialect AND o.reference = k.reference;
