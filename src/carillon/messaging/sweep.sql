-- name: accounts_to_sweep
-- across accounts: a periodic job.
SELECT a.account_id, a.clock_offset
FROM account a
WHERE EXISTS (SELECT FROM sending s WHERE s.shard_key = a.account_id AND s.sweep_at <= $1::timestamptz + a.clock_offset)
ORDER BY a.account_id;

-- name: sendings_to_sweep
SELECT s.sending_id FROM sending s WHERE s.shard_key = $1 AND s.sweep_at <= $2 ORDER BY s.sweep_at LIMIT $3;

-- name: unreceipted
-- What a carrier took of sendings and no receipt has told of.
SELECT m.message_id, m.reason
FROM message m
WHERE m.shard_key = $1 AND m.sending_id = ANY ($2::uuid[]) AND m.state IN ('submitted', 'uncertain')
ORDER BY m.message_id
LIMIT $3;

-- name: postpone_sweep
-- Of sendings that still have something waiting: a chunk of theirs is late.
UPDATE sending SET sweep_at = $3 WHERE shard_key = $1 AND sending_id = ANY ($2::uuid[]) AND sweep_at IS NOT NULL;
