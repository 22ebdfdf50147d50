-- name: waiting_callbacks
-- Each is looked up by its key, whatever the planner thinks of tables that it has no statistics of: hence OFFSET 0.
WITH c AS MATERIALIZED (
    SELECT callback_id, sequence, event_id, attempts, created_at
    FROM callback
    WHERE shard_key = $1 AND endpoint_id = $2 AND state = 'waiting'
    ORDER BY sequence
    LIMIT $3
)
SELECT c.callback_id, c.sequence, c.event_id, c.attempts, c.created_at,
    e.at, e.kind, e.sending_id, e.message_id, e.data,
    m.contact_id, m.address, m.text, m.state, m.reason, m.price, m.vat, m.parts, m.network, m.submitted_at, m.final_at,
    m.guid, m.custom, m.channel, f.price AS first_price, f.vat AS first_vat
FROM c
LEFT JOIN LATERAL (
    SELECT at, kind, sending_id, message_id, data
    FROM event
    WHERE shard_key = $1 AND event_id = c.event_id
    OFFSET 0
) e ON true
LEFT JOIN LATERAL (
    SELECT contact_id, address, text, state, reason, price, vat, parts, network, submitted_at, final_at, guid, custom, channel
    FROM message
    WHERE shard_key = $1 AND message_id = e.message_id
    OFFSET 0
) m ON true
LEFT JOIN LATERAL (
    SELECT price, vat
    FROM attempt
    WHERE m.channel IS NOT NULL AND shard_key = $1 AND message_id = e.message_id
    LIMIT 1
) f ON true
ORDER BY c.sequence;

-- name: sendings_of_callbacks
SELECT s.sending_id, s.dialect, s.channel, s.traffic_class, s.sender, s.credential_id, s.campaign_id, p.name AS campaign_name,
    s.reference, s.created_at, s.options, s.text
FROM unnest($2::uuid[]) AS wanted (sending_id)
CROSS JOIN LATERAL (
    SELECT sending_id, dialect, channel, traffic_class, sender, credential_id, campaign_id, reference, created_at, options, text
    FROM sending
    WHERE shard_key = $1 AND sending_id = wanted.sending_id
    OFFSET 0
) s
LEFT JOIN campaign p ON p.account_id = $1 AND p.campaign_id = s.campaign_id;
