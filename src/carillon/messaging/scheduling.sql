-- name: lock_sendings
SELECT s.sending_id, s.state, s.traffic_class, s.waiting, s.scheduled_at, s.campaign_id
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[])
ORDER BY s.sending_id
FOR NO KEY UPDATE;

-- name: sendings_by_reference
SELECT s.sending_id FROM sending s WHERE s.shard_key = $1 AND s.reference = $2 AND s.finished_at IS NULL;

-- name: set_sending_state
UPDATE sending SET state = $3 WHERE shard_key = $1 AND sending_id = ANY ($2::uuid[]);

-- name: resume_sending
-- What was submitted before may have come to its end meanwhile.
UPDATE sending SET state = CASE WHEN waiting + submitted + uncertain = 0 THEN 'finished' ELSE 'active' END
WHERE shard_key = $1 AND sending_id = $2;

-- name: hold_due_chunks
UPDATE chunk SET state = 'held' WHERE account_id = $1 AND sending_id = $2 AND state = 'due';

-- name: release_held_chunks
UPDATE chunk SET state = 'due' WHERE account_id = $1 AND sending_id = $2 AND state = 'held'
RETURNING traffic_class;

-- name: take_waiting_chunks
-- Chunks that no worker has, for good.
DELETE FROM chunk
WHERE account_id = $1 AND sending_id = ANY ($2::uuid[])
  AND (state <> 'claimed' OR leased_until IS NULL OR leased_until < $3) AND cardinality(in_flight) = 0
RETURNING message_ids;

-- name: move_due
-- At a pace, one after another as before.
UPDATE chunk c
SET due_at = CASE WHEN s.per_second IS NULL THEN $3::timestamptz ELSE $3::timestamptz + (c.due_at - s.first_at) END
FROM (SELECT s.per_second, min(o.due_at) AS first_at
      FROM sending s
      JOIN chunk o ON o.account_id = $1 AND o.sending_id = $2 AND o.state <> 'claimed'
      WHERE s.shard_key = $1 AND s.sending_id = $2
      GROUP BY s.per_second) s
WHERE c.account_id = $1 AND c.sending_id = $2 AND c.state <> 'claimed'
RETURNING c.traffic_class;

-- name: move_sending
-- To the moment of what is due last of it, as single messages of it may have been moved; at a pace, of what is due first.
-- $3: how long that may have to wait then.
UPDATE sending s
SET scheduled_at = CASE WHEN s.per_second IS NULL THEN d.due_at ELSE d.first_at END,
    expires_at = d.due_at + s.validity + $3::interval,
    sweep_at = d.due_at + s.validity + $3::interval + $4::interval
        + coalesce((s.options #>> '{fallback,validity}')::interval, '0')
FROM (SELECT max(c.due_at) AS due_at, min(c.due_at) AS first_at FROM chunk c WHERE c.account_id = $1 AND c.sending_id = $2) d
WHERE s.shard_key = $1 AND s.sending_id = $2 AND d.due_at IS NOT NULL;

-- name: chunks_of_messages
-- The unclaimed chunks that have some messages.
SELECT c.chunk_id, c.sending_id, c.channel, c.carrier_id, c.traffic_class, c.state, c.due_at, c.attempts, c.message_ids
FROM chunk c
WHERE c.account_id = $1 AND c.sending_id = ANY ($2::uuid[]) AND c.message_ids && $3::uuid[]
  AND (c.state <> 'claimed' OR c.leased_until < $4) AND cardinality(c.in_flight) = 0
ORDER BY c.chunk_id
FOR UPDATE;

-- name: due_of_sendings
SELECT c.due_at, c.message_ids FROM chunk c WHERE c.account_id = $1 AND c.sending_id = ANY ($2::uuid[]) AND c.due_at > $3;

-- name: set_chunk_messages
UPDATE chunk SET message_ids = $3::uuid[] WHERE account_id = $1 AND chunk_id = $2;

-- name: delete_chunks
DELETE FROM chunk WHERE account_id = $1 AND chunk_id = ANY ($2::uuid[]);

-- name: scheduled_messages
-- What waits for its moment, by the numbers that vendors give it; all of them where $2 is NULL.
SELECT m.guid, m.message_id, m.sending_id, m.address, m.text, m.encoding, s.sender, s.text AS sending_text,
    s.scheduled_at, s.created_at, s.campaign_id, s.channel, c.sending_number
FROM message m
JOIN sending s ON s.shard_key = $1 AND s.sending_id = m.sending_id
LEFT JOIN campaign c ON c.account_id = $1 AND c.campaign_id = s.campaign_id
WHERE m.shard_key = $1 AND m.guid IS NOT NULL AND m.state = 'waiting' AND s.scheduled_at > $4
  AND s.state NOT IN ('cancelled', 'finished')
  AND ($2::bigint[] IS NULL OR m.guid = ANY ($2::bigint[])) AND ($3::bigint IS NULL OR c.sending_number = $3)
ORDER BY m.guid
LIMIT $5;

-- name: unwritten_scheduled
-- Sendings of which some numbered messages are still to be written.
SELECT p.sending_id FROM materialisation p WHERE p.account_id = $1 AND (p.request ->> 'numbered')::boolean;

-- name: are_unwritten
SELECT EXISTS (SELECT FROM materialisation p WHERE p.account_id = $1 AND p.sending_id = ANY ($2::uuid[]));
