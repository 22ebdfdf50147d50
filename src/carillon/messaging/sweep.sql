-- name: accounts_to_sweep
-- across accounts: a periodic job.
SELECT a.account_id, a.clock_offset
FROM account a
WHERE EXISTS (SELECT FROM sending s WHERE s.shard_key = a.account_id AND s.sweep_at <= $1::timestamptz + a.clock_offset)
ORDER BY a.account_id;

-- name: sendings_to_sweep
SELECT s.sending_id FROM sending s WHERE s.shard_key = $1 AND s.sweep_at <= $2 ORDER BY s.sweep_at LIMIT $3;

-- name: unreceipted
-- What a carrier took of sendings and has had no receipt.
-- Sending after sending, by its index: in the order of all messages the account's whole ledger would be read.
SELECT m.message_id, m.reason
FROM unnest($2::uuid[]) AS g (sending_id)
CROSS JOIN LATERAL (
    SELECT message_id, reason
    FROM message
    WHERE shard_key = $1 AND sending_id = g.sending_id AND state IN ('submitted', 'uncertain')
    OFFSET 0
) m
LIMIT $3;

-- name: postpone_sweep
-- Of sendings that still have something waiting: a chunk of theirs is late.
UPDATE sending SET sweep_at = $3 WHERE shard_key = $1 AND sending_id = ANY ($2::uuid[]) AND sweep_at IS NOT NULL;

-- name: oldest_open
-- across accounts: the earliest of the sendings that have something to write, to send, or to hear of.
SELECT least(
    (SELECT sending_id FROM materialisation ORDER BY sending_id LIMIT 1),
    (SELECT sending_id FROM chunk ORDER BY sending_id LIMIT 1),
    (SELECT sending_id FROM sending WHERE sweep_at IS NOT NULL ORDER BY sending_id LIMIT 1)
);
