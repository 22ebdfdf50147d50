-- name: move_messages
-- Ranks are those of states.py. `taken`: a carrier has the message; else what ends is released and not captured. Messages are found
-- one by one, in the given order, and written through the primary key (the row is there, so it is always updated): no plan that was
-- made before a day's partition had rows can read all of them.
-- What falls back ($10: the reasons for which it does) is locked and settled here, and written as its second attempt (fallback.sql).
-- What its first carrier says later is of an attempt that is over.
WITH held AS MATERIALIZED (
    SELECT g.message_id, g.state, g.reason, coalesce(g.carrier_id, m.carrier_id) AS carrier_id, g.network,
        CASE WHEN g.taken THEN g.at END AS submitted_at,
        CASE WHEN g.rank > 2 THEN g.at END AS final_at,
        CASE WHEN m.had = 'reserved' AND g.taken THEN 'captured'
             WHEN m.had = 'until_delivery' AND g.state = 'delivered' THEN 'captured'
             WHEN m.had IN ('reserved', 'until_delivery') AND g.rank > 2 THEN 'released'
             ELSE m.had END AS money,
        m.fallback IS NOT NULL AND m.rank <= 2 AND g.rank = 4 AND g.reason = ANY ($10::text[]) AS falls_back,
        CASE WHEN g.rank > 2 AND m.rank < 2 AND NOT g.taken THEN m.subscription_id END AS returned,
        m.sending_id, m.was, m.had, m.price, m.vat, m.parts, m.address, m.channel, m.subscription_id, m.fallback
    FROM unnest($2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::timestamptz[], $8::text[], $9::boolean[])
        AS g (message_id, state, rank, reason, carrier_id, at, network, taken)
    CROSS JOIN LATERAL (
        SELECT m.sending_id, m.carrier_id, m.state AS was, m.money AS had, m.price, m.vat, m.parts, m.address,
            m.channel, m.subscription_id, m.fallback, m.failed_carrier_id,
            CASE WHEN m.state = 'waiting' THEN 0
                 WHEN m.state = 'uncertain' THEN 1
                 WHEN m.state = 'submitted' THEN 2
                 WHEN m.state = 'unknown' THEN 3
                 WHEN m.state IN ('expired', 'undelivered', 'rejected') THEN 4
                 WHEN m.state = 'delivered' THEN 5
                 ELSE 6 END AS rank
        FROM message m
        WHERE m.shard_key = $1 AND m.message_id = g.message_id
        FOR UPDATE
    ) m
    WHERE g.rank > m.rank AND (g.rank < 6 OR m.rank = 0)
      AND (g.carrier_id IS NULL OR m.failed_carrier_id IS DISTINCT FROM g.carrier_id)
), moved AS (
    INSERT INTO message AS m (shard_key, message_id, sending_id, price, vat, parts, address,
        state, reason, carrier_id, network, submitted_at, final_at, money, subscription_id)
    SELECT $1, h.message_id, h.sending_id, h.price, h.vat, h.parts, h.address,
        h.state, h.reason, h.carrier_id, h.network, h.submitted_at, h.final_at, h.money,
        CASE WHEN h.returned IS NULL THEN h.subscription_id END
    FROM held h
    WHERE NOT h.falls_back
    ON CONFLICT (shard_key, message_id) DO UPDATE
    SET state = excluded.state,
        reason = excluded.reason,
        carrier_id = excluded.carrier_id,
        network = coalesce(excluded.network, m.network),
        submitted_at = coalesce(m.submitted_at, excluded.submitted_at),
        final_at = excluded.final_at,
        money = excluded.money,
        subscription_id = excluded.subscription_id
)
SELECT message_id, sending_id, carrier_id, was, had, money, price, vat, parts, channel, falls_back, returned, fallback, address,
    subscription_id
FROM held;

-- name: mark_seen
-- Of messages that are delivered, by the channel that they were sent by first; each is locked already, by its move.
WITH held AS MATERIALIZED (
    SELECT g.message_id, g.at, m.sending_id, m.price, m.vat, m.parts, m.state, m.money, m.address
    FROM unnest($2::uuid[], $3::timestamptz[]) AS g (message_id, at)
    CROSS JOIN LATERAL (
        SELECT m.sending_id, m.price, m.vat, m.parts, m.state, m.money, m.address
        FROM message m
        WHERE m.shard_key = $1 AND m.message_id = g.message_id AND m.state = 'delivered' AND m.seen_at IS NULL
          AND m.channel IS NULL
        FOR UPDATE
    ) m
), moved AS (
    INSERT INTO message AS m (shard_key, message_id, sending_id, price, vat, parts, state, money, address, seen_at)
    SELECT $1, h.message_id, h.sending_id, h.price, h.vat, h.parts, h.state, h.money, h.address, h.at FROM held h
    ON CONFLICT (shard_key, message_id) DO UPDATE SET seen_at = excluded.seen_at
)
SELECT h.message_id, h.sending_id, s.endpoint_id
FROM held h
CROSS JOIN LATERAL (
    SELECT endpoint_id FROM sending WHERE shard_key = $1 AND sending_id = h.sending_id OFFSET 0
) s
ORDER BY h.message_id;

-- fragment: is_over
s.waiting + g.waiting + s.submitted + g.submitted + s.uncertain + g.uncertain = 0 AND s.state <> 'materialising'

-- name: count_moves
-- Moves the counters of sendings: one row a sending, locked in their order.
-- All is taken from what was locked.
WITH held AS MATERIALIZED (
    SELECT g.sending_id, g.excluded, g.waiting, g.submitted, g.uncertain, g.delivered, g.undelivered, g.expired,
        g.rejected, g.cancelled, g.unknown, g.released, g.captured, g.reserved, g.added_parts
    FROM unnest($2::uuid[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],
                $11::int[], $12::int[], $13::bigint[], $14::bigint[], $16::bigint[], $17::bigint[])
        AS g (sending_id, excluded, waiting, submitted, uncertain, delivered, undelivered, expired, rejected,
              cancelled, unknown, released, captured, reserved, added_parts)
    CROSS JOIN LATERAL (
        SELECT s.sending_id FROM sending s WHERE s.shard_key = $1 AND s.sending_id = g.sending_id FOR NO KEY UPDATE
    ) s
)
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
    reserved = s.reserved - g.released - g.captured + g.reserved,
    parts = s.parts + g.added_parts,
    captured = s.captured + g.captured,
    started_at = CASE WHEN s.started_at IS NULL AND g.submitted > 0 THEN $15::timestamptz ELSE s.started_at END,
    state = CASE WHEN {is_over} AND s.state = 'active' THEN 'finished' ELSE s.state END,
    finished_at = CASE WHEN {is_over} THEN coalesce(s.finished_at, $15) END,
    sweep_at = CASE WHEN NOT ({is_over}) THEN s.sweep_at END
FROM held g
WHERE s.shard_key = $1 AND s.sending_id = g.sending_id AND s.sending_id = ANY ($2::uuid[])
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
