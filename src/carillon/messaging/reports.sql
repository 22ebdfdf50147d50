-- name: sendings_of_campaign
SELECT s.sending_id, s.recipients
FROM sending s
WHERE s.shard_key = $1 AND s.campaign_id = $2 AND s.sending_id > $3
ORDER BY s.sending_id
LIMIT $4;

-- fragment: event_columns
e.sequence, e.at, e.kind, e.message_id, e.data

-- fragment: is_between
($4::timestamptz IS NULL OR e.at > $4) AND ($5::timestamptz IS NULL OR e.at < $5)

-- name: events_of_sending
-- Walks an index in its order, however many the sending has.
SELECT {event_columns}
FROM event e
WHERE e.shard_key = $1 AND e.sending_id = $2 AND e.sequence > $3 AND {is_between}
ORDER BY e.sequence
LIMIT $6;

-- name: events_of_sendings
-- Of sendings that have few events together: all of them are read and sorted.
SELECT {event_columns}
FROM event e
WHERE e.shard_key = $1 AND e.sending_id = ANY ($2::uuid[]) AND e.sequence > $3 AND {is_between}
ORDER BY e.sequence
LIMIT $6;

-- name: recipients_of_messages
SELECT m.message_id, m.contact_id, m.address, m.custom
FROM message m
WHERE m.shard_key = $1 AND m.message_id = ANY ($2::uuid[]) AND m.message_id BETWEEN $3 AND $4;
