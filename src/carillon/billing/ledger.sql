-- name: lock_available
SELECT available + credit_limit FROM balance WHERE account_id = $1 FOR NO KEY UPDATE;

-- name: reserve
-- All or nothing: where the condition doesn't hold, no row is moved and none written.
WITH moved AS (
    UPDATE balance SET available = available - $3::bigint, reserved = reserved + $3
    WHERE account_id = $1 AND available + credit_limit >= $3
    RETURNING account_id
)
INSERT INTO journal_entry (account_id, entry_id, at, kind, debit, credit, amount, sending_id)
SELECT $1, e.entry_id, $2, 'reserve', 'reserved', 'available', e.amount, e.sending_id
FROM moved, unnest($4::uuid[], $5::uuid[], $6::bigint[]) AS e (entry_id, sending_id, amount)
RETURNING entry_id;

-- name: settle
WITH moved AS (
    UPDATE balance SET available = available + $3::bigint, reserved = reserved - $4::bigint
    WHERE account_id = $1
    RETURNING account_id
)
INSERT INTO journal_entry (account_id, entry_id, at, kind, debit, credit, amount, sending_id)
SELECT $1, e.entry_id, $2, CASE WHEN e.debit = 'available' THEN 'release' ELSE 'capture' END, e.debit, 'reserved', e.amount, e.sending_id
FROM moved, unnest($5::uuid[], $6::uuid[], $7::text[], $8::bigint[]) AS e (entry_id, sending_id, debit, amount)
RETURNING entry_id;
