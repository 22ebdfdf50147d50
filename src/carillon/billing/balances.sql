-- name: get_balance
SELECT coalesce(b.available, 0) AS available, coalesce(b.reserved, 0) AS reserved,
       coalesce(b.credit_limit, 0) AS credit_limit, a.currency
FROM account a
LEFT JOIN balance b ON b.account_id = a.account_id
WHERE a.account_id = $1;

-- name: open_balance
INSERT INTO balance (account_id, available, reserved, credit_limit)
VALUES ($1, 0, 0, 0)
ON CONFLICT (account_id) DO NOTHING;

-- name: lock_balance
SELECT available, reserved, credit_limit FROM balance WHERE account_id = $1 FOR NO KEY UPDATE;

-- name: add_credit
UPDATE balance SET available = available + $2::bigint WHERE account_id = $1;

-- name: write_credit
INSERT INTO journal_entry (account_id, entry_id, at, kind, debit, credit, amount, note)
VALUES ($1, $2, $3, 'credit', $4, $5, $6, $7);

-- name: set_credit_limit
UPDATE balance SET credit_limit = $2 WHERE account_id = $1;

-- name: list_entries
SELECT entry_id, at, kind, debit, credit, amount, sending_id, note
FROM journal_entry
WHERE account_id = $1 AND ($2::uuid IS NULL OR entry_id < $2)
ORDER BY entry_id DESC
LIMIT $3;
