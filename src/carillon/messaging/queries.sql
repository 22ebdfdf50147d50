-- fragment: sending_columns
s.sending_id, s.campaign_id, s.state, s.dialect, s.channel, s.traffic_class, s.sender, s.text, s.encoding, s.reference,
    s.scheduled_at, s.expires_at, s.created_at, s.started_at, s.finished_at, s.recipients, s.excluded, s.waiting,
    s.submitted, s.uncertain, s.delivered, s.undelivered, s.expired, s.rejected, s.cancelled, s.unknown, s.parts,
    s.reserved, s.captured,
(SELECT p.recipients FROM materialisation p
 WHERE p.account_id = $1 AND p.sending_id = s.sending_id AND p.snapshot_at IS NOT NULL) AS expected

-- fragment: message_columns
m.message_id, m.sending_id, m.contact_id, m.carrier_id, m.state, m.reason, m.address, m.parts, m.encoding, m.network,
    m.price, m.vat, m.money, m.submitted_at, m.final_at

-- fragment: shown_columns
-- A second attempt has its own sender.
{message_columns}, m.seen_at, coalesce(m.text, s.text) AS text, coalesce(m.channel, s.channel) AS channel,
    CASE WHEN m.channel IS NULL THEN s.sender ELSE s.options #>> '{fallback,sender}' END AS sender

-- name: list_sendings
SELECT {sending_columns}
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id < $2
ORDER BY s.sending_id DESC
LIMIT $3;

-- name: get_sending
SELECT {sending_columns} FROM sending s WHERE s.shard_key = $1 AND s.sending_id = $2;

-- name: get_message
SELECT {shown_columns}
FROM message m
JOIN sending s ON s.shard_key = $1 AND s.sending_id = m.sending_id
WHERE m.shard_key = $1 AND m.message_id = $2;

-- name: attempts_of
SELECT t.channel, t.state, t.reason, t.carrier_id, t.parts, t.price, t.vat, t.money, t.submitted_at, t.ended_at
FROM attempt t
WHERE t.shard_key = $1 AND t.message_id = $2
ORDER BY t.ended_at;

-- name: find_unwritten
-- A message that was accepted with many others and is still to be written: why it is excluded, where that is known.
SELECT r.reason
FROM materialisation p
JOIN recipient r ON r.shard_key = $1 AND r.sending_id = p.sending_id
WHERE p.account_id = $1 AND p.sending_id < $2 AND r.message_id = $2 AND r.position > p.position;

-- name: latest_messages
SELECT {shown_columns}
FROM (
    SELECT {message_columns}, m.text, m.channel, m.seen_at
    FROM message m
    WHERE m.shard_key = $1 AND m.message_id < $2
    ORDER BY m.message_id DESC
    LIMIT $3
) m
JOIN sending s ON s.shard_key = $1 AND s.sending_id = m.sending_id
ORDER BY m.message_id DESC;

-- name: messages_to
-- The latest ones to some addresses, also of one sending alone. They are few: all are read by their index, hence OFFSET 0.
SELECT {shown_columns}
FROM (
    SELECT {message_columns}, m.text, m.channel, m.seen_at
    FROM message m
    WHERE m.shard_key = $1 AND m.address = ANY ($2::text[]) AND m.message_id < $4
    OFFSET 0
) m
JOIN sending s ON s.shard_key = $1 AND s.sending_id = m.sending_id
WHERE $3::uuid IS NULL OR m.sending_id = $3
ORDER BY m.message_id DESC
LIMIT $5;

-- name: messages_of_sending
SELECT {shown_columns}
FROM message m
JOIN sending s ON s.shard_key = $1 AND s.sending_id = $2
WHERE m.shard_key = $1 AND m.sending_id = $2 AND m.message_id < $3
ORDER BY m.sending_id, m.message_id DESC
LIMIT $4;

-- name: next_due
-- When the next thing of an account is due, in its time: a chunk, what the simulated network does, a callback, the sweep;
-- recipients that are to be written are due at once.
SELECT min(due_at) AS due_at
FROM (
    SELECT min(c.due_at) AS due_at FROM chunk c WHERE c.account_id = $1 AND c.state <> 'held'
    UNION ALL
    SELECT min(i.due_at) FROM simulated_inbound i WHERE i.account_id = $1
    UNION ALL
    SELECT min(e.due_at) FROM callback_endpoint e WHERE e.account_id = $1
    UNION ALL
    SELECT min(s.sweep_at) FROM sending s WHERE s.shard_key = $1 AND s.sweep_at IS NOT NULL
    UNION ALL
    SELECT min(s.created_at)
    FROM materialisation p
    JOIN sending s ON s.shard_key = $1 AND s.sending_id = p.sending_id
    WHERE p.account_id = $1
) found;

-- name: inbox
-- What phones got of the simulated network, and what they wrote.
SELECT m.message_id, m.address, m.submitted_at AS at,
    CASE WHEN m.channel IS NULL THEN s.sender ELSE s.options #>> '{fallback,sender}' END AS sender,
    coalesce(m.text, s.text) AS text, m.state, coalesce(m.channel, s.channel) AS channel,
    CASE WHEN m.channel IS NULL THEN (s.options -> 'content')::text END AS content, m.button_url,
    s.sending_id, s.sealed
FROM message m
JOIN sending s ON s.shard_key = $1 AND s.sending_id = m.sending_id
WHERE m.shard_key = $1 AND m.submitted_at IS NOT NULL AND ($2::text[] IS NULL OR m.address = ANY ($2::text[]))
ORDER BY m.message_id DESC
LIMIT $3;
