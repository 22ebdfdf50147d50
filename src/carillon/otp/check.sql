-- name: take_attempt
-- Counts an attempt, and a check of the recipient, and returns the password as it is then: one after another, however many come at once.
WITH a AS MATERIALIZED (
    SELECT a.account_id, a.clock_offset FROM account a WHERE a.account_id = $1
), taken AS MATERIALIZED (
    UPDATE otp o
    SET attempts = least(o.attempts + 1, o.max_attempts + 1), updated_at = $4::timestamptz + a.clock_offset
    FROM a
    WHERE o.account_id = $1 AND o.dialect = $2 AND o.reference = $3 AND a.account_id = o.account_id
    RETURNING o.otp_id, o.recipient, o.digest, o.superseded, o.state, o.attempts, o.max_attempts, o.created_at,
        o.updated_at, o.expires_at, o.sendings, a.clock_offset
), counted AS (
    INSERT INTO otp_counter AS c (account_id, kind, subject, window_at, span, before, present)
    SELECT $1, 'recipient_checks', t.recipient, date_bin($5::interval, t.updated_at, '2000-01-01 00:00Z'), $5::interval, 0, 1
    FROM taken t
    ON CONFLICT (account_id, kind, subject) DO UPDATE
    SET before = CASE WHEN c.window_at >= excluded.window_at THEN c.before
                      WHEN c.window_at + c.span = excluded.window_at THEN c.present
                      ELSE 0 END,
        present = CASE WHEN c.window_at >= excluded.window_at THEN c.present ELSE 0 END + excluded.present,
        window_at = greatest(c.window_at, excluded.window_at),
        span = excluded.span
    RETURNING c.window_at, c.span, c.before, c.present
)
SELECT t.otp_id, t.recipient, t.digest, t.superseded, t.state, t.attempts, t.max_attempts, t.created_at, t.updated_at,
    t.expires_at, t.sendings, t.clock_offset, c.window_at, c.span, c.before, c.present, l.names, l.values
FROM taken t
CROSS JOIN counted c
CROSS JOIN LATERAL (
    SELECT array_agg(l.name ORDER BY l.name) AS names, array_agg(l.value ORDER BY l.name) AS values
    FROM otp_limit l WHERE l.account_id = $1
) l;

-- name: verify_otp
UPDATE otp
SET state = 'verified', ended_at = $4, due_at = $5
WHERE account_id = $1 AND dialect = $2 AND reference = $3 AND state = 'pending'
RETURNING otp_id, recipient, state, attempts, max_attempts, created_at, updated_at, expires_at, sendings,
    sendings || stale AS ended;
