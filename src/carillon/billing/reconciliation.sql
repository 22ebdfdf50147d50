-- name: compare_balance
SELECT coalesce(b.available, 0) AS available, coalesce(b.reserved, 0) AS reserved, coalesce(b.credit_limit, 0) AS credit_limit,
       j.available AS journal_available, j.reserved AS journal_reserved
FROM (
    SELECT coalesce(sum(amount) FILTER (WHERE debit = 'available'), 0)
           - coalesce(sum(amount) FILTER (WHERE credit = 'available'), 0) AS available,
           coalesce(sum(amount) FILTER (WHERE debit = 'reserved'), 0)
           - coalesce(sum(amount) FILTER (WHERE credit = 'reserved'), 0) AS reserved
    FROM journal_entry
    WHERE account_id = $1
) j
LEFT JOIN balance b ON b.account_id = $1;

-- name: compare_sendings
-- Of a sending that was dropped by its age, the journal alone is left, in which nothing may be reserved any more.
SELECT coalesce(s.sending_id, j.sending_id) AS sending_id, coalesce(s.reserved, 0) AS reserved, s.captured,
       coalesce(j.reserved, 0) AS journal_reserved, coalesce(j.captured, 0) AS journal_captured
FROM (
    SELECT sending_id,
           sum(CASE WHEN debit = 'reserved' THEN amount WHEN credit = 'reserved' THEN -amount ELSE 0 END) AS reserved,
           sum(CASE WHEN kind = 'capture' THEN amount WHEN kind = 'refund' THEN -amount ELSE 0 END) AS captured
    FROM journal_entry
    WHERE account_id = $1
    GROUP BY sending_id
) j
FULL JOIN (
    SELECT sending_id, reserved, captured FROM sending WHERE shard_key = $1
) s ON s.sending_id = j.sending_id
WHERE coalesce(s.reserved, 0) <> coalesce(j.reserved, 0) OR s.captured <> coalesce(j.captured, 0)
ORDER BY 1
LIMIT $2;
