-- fragment: slide
ON CONFLICT (account_id, kind, subject) DO UPDATE
SET before = CASE WHEN c.window_at >= excluded.window_at THEN c.before
                  WHEN c.window_at + c.span = excluded.window_at THEN c.present
                  ELSE 0 END,
    present = CASE WHEN c.window_at >= excluded.window_at THEN c.present ELSE 0 END + excluded.present,
    window_at = greatest(c.window_at, excluded.window_at),
    span = excluded.span

-- name: count
-- Rows are locked in the order of their kinds and subjects. A window that a faster clock began goes on.
INSERT INTO otp_counter AS c (account_id, kind, subject, window_at, span, before, present)
SELECT $1, n.kind, n.subject, date_bin(n.span, $2::timestamptz, '2000-01-01 00:00Z'), n.span, 0, n.by
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::interval[]) AS n (kind, subject, by, span)
ORDER BY n.kind, n.subject
{slide}
RETURNING c.kind, c.window_at, c.span, c.before, c.present;

-- name: count_unknown
-- Checks of a reference that nobody has, in a window that begins with the first of them, or a while later ($4).
INSERT INTO otp_counter AS c (account_id, kind, subject, window_at, span, before, present)
VALUES ($1, 'reference_checks', $3, $2::timestamptz + $4::interval, $5::interval, 0, 1)
ON CONFLICT (account_id, kind, subject) DO UPDATE
SET present = CASE WHEN c.window_at + c.span > $2::timestamptz THEN c.present + 1 ELSE 1 END,
    window_at = CASE WHEN c.window_at + c.span > $2::timestamptz THEN c.window_at ELSE excluded.window_at END,
    span = excluded.span
RETURNING c.present;

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
    {slide}
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

-- name: list_counters
-- Of windows that are not over.
SELECT c.kind, c.subject, c.window_at, c.span, c.before, c.present
FROM otp_counter c
WHERE c.account_id = $1 AND ($2::text IS NULL OR c.kind = $2) AND c.window_at + c.span > $3
ORDER BY c.present DESC, c.kind, c.subject
LIMIT $4;

-- name: delete_over
WITH k AS MATERIALIZED (
    SELECT c.kind, c.subject FROM otp_counter c
    WHERE c.account_id = $1 AND c.span = $2 AND c.window_at <= $3
    ORDER BY c.window_at
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
DELETE FROM otp_counter c USING k WHERE c.account_id = $1 AND c.kind = k.kind AND c.subject = k.subject
RETURNING c.kind;
