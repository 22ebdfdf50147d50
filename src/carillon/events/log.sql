-- name: take_sequence
-- The row stays locked until the transaction's end: nobody takes a number before all smaller ones are committed or undone.
INSERT INTO event_sequence (account_id, last)
VALUES ($1, $2)
ON CONFLICT (account_id) DO UPDATE SET last = event_sequence.last + excluded.last
RETURNING last;

-- name: insert_events
INSERT INTO event (shard_key, event_id, sequence, at, kind, sending_id, message_id, data)
SELECT $1, e.event_id, $2::bigint + e.position, e.at, e.kind, e.sending_id, e.message_id, e.data::jsonb
FROM unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::uuid[], $7::uuid[], $8::text[])
    WITH ORDINALITY AS e (event_id, at, kind, sending_id, message_id, data, position);

-- name: insert_callbacks
-- The first callback of an event has the event's id.
INSERT INTO callback (shard_key, callback_id, endpoint_id, sequence, event_id, state, attempts, created_at)
SELECT $1, c.event_id, c.endpoint_id, c.sequence, c.event_id, 'waiting', 0, $5
FROM unnest($2::uuid[], $3::bigint[], $4::bigint[]) AS c (event_id, endpoint_id, sequence);

-- name: make_due
-- An endpoint where something waits already keeps its moment: it may be waiting for its next attempt.
UPDATE callback_endpoint SET due_at = $3
WHERE account_id = $1 AND endpoint_id = ANY ($2::bigint[]) AND due_at IS NULL;

-- name: read_events
SELECT event_id, sequence, at, kind, sending_id, message_id, data
FROM event
WHERE shard_key = $1 AND sequence > $2
ORDER BY sequence
LIMIT $3;

-- name: last_sequence
SELECT last FROM event_sequence WHERE account_id = $1;
