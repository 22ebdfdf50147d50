-- name: lock_messages
-- A statement of its own, as for sendings below: the one that follows sees what those who held the locks have committed.
-- An UPDATE that itself waits for a row, and then reads it again, finds nothing where its plan prunes partitions twice.
SELECT m.message_id, m.state, m.money
FROM message m
WHERE m.shard_key = $1 AND m.message_id = ANY ($2::uuid[]) AND m.message_id BETWEEN $3 AND $4
ORDER BY m.message_id
FOR NO KEY UPDATE;

-- name: move_messages
-- Of messages that are locked. `taken`: a carrier has the message; else what ends is released and not captured.
UPDATE message m
SET state = g.state,
    reason = g.reason,
    carrier_id = coalesce(g.carrier_id, m.carrier_id),
    network = coalesce(g.network, m.network),
    submitted_at = CASE WHEN g.taken THEN coalesce(m.submitted_at, g.at) ELSE m.submitted_at END,
    final_at = CASE WHEN g.is_final THEN g.at END,
    money = CASE WHEN m.money = 'reserved' AND g.taken THEN 'captured'
                 WHEN m.money = 'until_delivery' AND g.state = 'delivered' THEN 'captured'
                 WHEN m.money IN ('reserved', 'until_delivery') AND g.is_final THEN 'released'
                 ELSE m.money END
FROM unnest($2::uuid[], $3::text[], $4::boolean[], $5::text[], $6::bigint[], $7::timestamptz[], $8::text[], $9::boolean[])
    AS g (message_id, state, is_final, reason, carrier_id, at, network, taken)
WHERE m.shard_key = $1 AND m.message_id = g.message_id AND m.message_id BETWEEN $10 AND $11
RETURNING m.message_id, m.sending_id, m.carrier_id, m.money, m.price, m.vat;

-- fragment: is_over
s.waiting + g.waiting + s.submitted + g.submitted + s.uncertain + g.uncertain = 0 AND s.state <> 'materialising'

-- name: lock_counted
SELECT s.sending_id
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[]) AND s.sending_id BETWEEN $3 AND $4
ORDER BY s.sending_id
FOR NO KEY UPDATE;

-- name: count_moves
-- Moves the counters of sendings that are locked: one row a sending.
UPDATE sending s
SET excluded = s.excluded + g.excluded,
    waiting = s.waiting + g.waiting,
    submitted = s.submitted + g.submitted,
    uncertain = s.uncertain + g.uncertain,
    delivered = s.delivered + g.delivered,
    undelivered = s.undelivered + g.undelivered,
    expired = s.expired + g.expired,
    rejected = s.rejected + g.rejected,
    cancelled = s.cancelled + g.cancelled,
    unknown = s.unknown + g.unknown,
    reserved = s.reserved - g.released - g.captured,
    captured = s.captured + g.captured,
    started_at = CASE WHEN s.started_at IS NULL AND g.submitted > 0 THEN $17 ELSE s.started_at END,
    state = CASE WHEN {is_over} AND s.state = 'active' THEN 'finished' ELSE s.state END,
    finished_at = CASE WHEN {is_over} THEN coalesce(s.finished_at, $17) END,
    sweep_at = CASE WHEN NOT ({is_over}) THEN s.sweep_at END
FROM unnest($2::uuid[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],
            $11::int[], $12::int[], $13::bigint[], $14::bigint[])
    AS g (sending_id, excluded, waiting, submitted, uncertain, delivered, undelivered, expired, rejected, cancelled,
          unknown, released, captured)
WHERE s.shard_key = $1 AND s.sending_id = g.sending_id AND s.sending_id BETWEEN $15 AND $16
RETURNING s.sending_id, s.campaign_id, s.endpoint_id;

-- name: count_campaign_moves
UPDATE campaign c
SET recipients = c.recipients + g.recipients,
    excluded = c.excluded + g.excluded,
    waiting = c.waiting + g.waiting,
    submitted = c.submitted + g.submitted,
    uncertain = c.uncertain + g.uncertain,
    delivered = c.delivered + g.delivered,
    undelivered = c.undelivered + g.undelivered,
    expired = c.expired + g.expired,
    rejected = c.rejected + g.rejected,
    cancelled = c.cancelled + g.cancelled,
    unknown = c.unknown + g.unknown,
    sent = c.sent + g.sent,
    parts = c.parts + g.parts,
    cost = c.cost + g.captured,
    updated_at = $16,
    started_at = CASE WHEN g.sent > 0 THEN coalesce(c.started_at, $16) ELSE c.started_at END,
    finished_at = CASE WHEN c.waiting + g.waiting + c.submitted + g.submitted + c.uncertain + g.uncertain = 0 THEN $16 END
FROM unnest($2::bigint[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],
            $11::int[], $12::int[], $13::int[], $14::bigint[], $15::bigint[], $17::int[])
    AS g (campaign_id, excluded, waiting, submitted, uncertain, delivered, undelivered, expired, rejected, cancelled,
          unknown, sent, parts, captured, recipients)
WHERE c.account_id = $1 AND c.campaign_id = g.campaign_id;

-- name: add_references
INSERT INTO carrier_reference (shard_key, message_id, carrier_id, reference)
SELECT $1, r.message_id, r.carrier_id, r.reference
FROM unnest($2::uuid[], $3::bigint[], $4::text[]) AS r (message_id, carrier_id, reference)
ON CONFLICT (shard_key, message_id, reference) DO NOTHING;
