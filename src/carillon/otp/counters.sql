-- name: count
-- Rows are locked in the order of their kinds and subjects. A window that a faster clock began goes on.
INSERT INTO otp_counter AS c (account_id, kind, subject, window_at, span, before, present)
SELECT $1, n.kind, n.subject, date_bin(n.span, $2::timestamptz, '2000-01-01 00:00Z'), n.span, 0, n.by
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::interval[]) AS n (kind, subject, by, span)
ORDER BY n.kind, n.subject
ON CONFLICT (account_id, kind, subject) DO UPDATE
SET before = CASE WHEN c.window_at >= excluded.window_at THEN c.before
                  WHEN c.window_at + c.span = excluded.window_at THEN c.present
                  ELSE 0 END,
    present = CASE WHEN c.window_at >= excluded.window_at THEN c.present ELSE 0 END + excluded.present,
    window_at = greatest(c.window_at, excluded.window_at),
    span = excluded.span
RETURNING c.kind, c.window_at, c.span, c.before, c.present;

-- name: delete_over
WITH k AS MATERIALIZED (
    SELECT c.kind, c.subject FROM otp_counter c
    WHERE c.account_id = $1 AND c.window_at + 2 * c.span <= $2
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
DELETE FROM otp_counter c USING k WHERE c.account_id = $1 AND c.kind = k.kind AND c.subject = k.subject
RETURNING c.kind;
