-- name: keep_for_later
INSERT INTO simulated_inbound (account_id, inbound_id, carrier_id, due_at, content)
SELECT $1, i.inbound_id, $2, i.due_at, i.content::jsonb
FROM unnest($3::uuid[], $4::timestamptz[], $5::text[]) AS i (inbound_id, due_at, content);

-- name: accounts_with_inbound
-- across accounts: a worker polls for what is due.
SELECT a.account_id
FROM account a
WHERE EXISTS (
    SELECT FROM simulated_inbound i
    WHERE i.account_id = a.account_id AND i.due_at <= $1::timestamptz + a.clock_offset
      AND (i.leased_until IS NULL OR i.leased_until NOT BETWEEN $1 AND $2)
)
ORDER BY a.account_id;

-- name: claim_inbound
-- It is not waited for on the disk: receipts that come twice change nothing.
WITH t AS MATERIALIZED (
    SELECT clock_offset, set_config('synchronous_commit', 'off', true) FROM account WHERE account_id = $1
), k AS MATERIALIZED (
    SELECT i.account_id, i.inbound_id
    FROM simulated_inbound i
    WHERE i.account_id = $1 AND i.due_at <= $2::timestamptz + (SELECT clock_offset FROM t)
      AND (i.leased_until IS NULL OR i.leased_until NOT BETWEEN $2 AND $3)
    ORDER BY i.due_at, i.inbound_id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE simulated_inbound i
SET leased_until = $5, attempts = i.attempts + 1
FROM k, t
WHERE i.account_id = $1 AND i.inbound_id = k.inbound_id
RETURNING i.inbound_id AS work_id, i.attempts, i.carrier_id, i.due_at, i.content, t.clock_offset;

-- name: lease_inbound
UPDATE simulated_inbound i
SET leased_until = $4
FROM unnest($2::uuid[], $3::integer[]) AS held (inbound_id, attempts)
WHERE i.account_id = $1 AND i.inbound_id = held.inbound_id AND i.attempts = held.attempts;

-- name: end_inbound
DELETE FROM simulated_inbound WHERE account_id = $1 AND inbound_id = ANY ($2::uuid[]);
