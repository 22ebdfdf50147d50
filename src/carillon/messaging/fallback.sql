-- name: sendings_with_fallback
SELECT s.sending_id, s.traffic_class, s.expires_at, s.endpoint_id, (s.options -> 'fallback')::text AS fallback,
    coalesce(s.options -> 'ignores_suppressions' = 'true', false) AS ignores_suppressions
FROM unnest($2::uuid[]) AS g (sending_id)
CROSS JOIN LATERAL (
    SELECT sending_id, traffic_class, expires_at, endpoint_id, options
    FROM sending
    WHERE shard_key = $1 AND sending_id = g.sending_id
    OFFSET 0
) s
ORDER BY s.sending_id;

-- name: write_second_attempts
-- The messages are locked. What their rows say goes to attempt, with how it ended; then they are the second attempt's, through
-- the primary key as in move_messages.
WITH held AS MATERIALIZED (
    SELECT g.message_id, g.ended_state, g.ended_at, g.ended_reason, g.carrier_id, g.settled, g.state, g.reason, g.final_at,
        g.text, g.encoding, g.parts, g.price, g.vat, g.money,
        m.sending_id, m.address, m.price AS first_price, m.vat AS first_vat, m.parts AS first_parts, m.text AS first_text,
        coalesce(m.submitted_at, CASE WHEN g.taken THEN g.ended_at END) AS submitted_at,
        CASE WHEN g.keeps THEN m.subscription_id END AS subscription_id
    FROM unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::boolean[], $7::bigint[], $8::text[], $9::boolean[],
                $10::text[], $11::text[], $12::timestamptz[], $13::text[], $14::text[], $15::smallint[], $16::bigint[],
                $17::bigint[], $18::text[])
        AS g (message_id, ended_state, ended_at, ended_reason, taken, carrier_id, settled, keeps, state, reason, final_at, text,
              encoding, parts, price, vat, money)
    CROSS JOIN LATERAL (
        SELECT sending_id, address, price, vat, parts, text, submitted_at, subscription_id
        FROM message
        WHERE shard_key = $1 AND message_id = g.message_id
        OFFSET 0
    ) m
), kept AS (
    INSERT INTO attempt (shard_key, message_id, sending_id, carrier_id, subscription_id, submitted_at, ended_at, price, vat, parts,
        channel, state, money, reason, text)
    SELECT $1, h.message_id, h.sending_id, h.carrier_id, h.subscription_id, h.submitted_at, h.ended_at, h.first_price, h.first_vat,
        h.first_parts, s.channel, h.ended_state, h.settled, h.ended_reason, h.first_text
    FROM held h
    CROSS JOIN LATERAL (
        SELECT channel FROM sending WHERE shard_key = $1 AND sending_id = h.sending_id OFFSET 0
    ) s
)
INSERT INTO message AS m (shard_key, message_id, sending_id, price, vat, parts, address, state, money, reason, encoding, text,
    final_at, channel, failed_carrier_id)
SELECT $1, h.message_id, h.sending_id, h.price, h.vat, h.parts, h.address, h.state, h.money, h.reason, h.encoding, h.text,
    h.final_at, $19, h.carrier_id
FROM held h
ON CONFLICT (shard_key, message_id) DO UPDATE
SET state = excluded.state,
    reason = excluded.reason,
    money = excluded.money,
    price = excluded.price,
    vat = excluded.vat,
    parts = excluded.parts,
    encoding = excluded.encoding,
    text = excluded.text,
    final_at = excluded.final_at,
    channel = excluded.channel,
    failed_carrier_id = excluded.failed_carrier_id,
    carrier_id = NULL,
    submitted_at = NULL,
    network = NULL,
    fallback = NULL,
    subscription_id = NULL;
