-- name: find_references
-- across accounts: a carrier's reference says nothing of its account. Of messages that were accepted lately.
SELECT r.shard_key AS account_id, r.message_id, r.reference
FROM carrier_reference r
WHERE r.carrier_id = $1 AND r.reference = ANY ($2::text[]) AND r.message_id >= $3
ORDER BY r.message_id;

-- name: find_older_references
-- across accounts: of messages that were scheduled for long.
SELECT r.shard_key AS account_id, r.message_id, r.reference
FROM carrier_reference r
WHERE r.carrier_id = $1 AND r.reference = ANY ($2::text[]) AND r.message_id < $3
ORDER BY r.message_id;

-- name: find_uncertain
-- across accounts: messages whose submit had no answer, by their numbers. Where another one is being submitted to the
-- number, the receipt may be of that one: it is looked at again when that has its answer.
SELECT a.account_id, m.message_id, m.address
FROM account a
JOIN message m ON m.shard_key = a.account_id
WHERE m.address = ANY ($1::text[]) AND m.message_id >= $2 AND m.carrier_id = $3
  AND (m.state = 'uncertain' OR (m.state = 'unknown' AND m.reason = 'lost'))
  AND NOT EXISTS (
      SELECT FROM message w
      WHERE w.shard_key = a.account_id AND w.address = m.address AND w.message_id >= $2 AND w.state = 'waiting'
        AND EXISTS (SELECT FROM chunk c WHERE c.account_id = a.account_id AND w.message_id = ANY (c.in_flight)))
ORDER BY m.message_id
LIMIT 1000;

-- name: park
INSERT INTO parked_inbound (inbound_id, carrier_id, reference, content, received_at, due_at, expires_at)
SELECT p.inbound_id, $1, p.reference, p.content::jsonb, $2, $3, $4
FROM unnest($5::uuid[], $6::text[], $7::text[]) AS p (inbound_id, reference, content);

-- name: claim_parked
WITH k AS MATERIALIZED (
    SELECT inbound_id
    FROM parked_inbound
    WHERE due_at <= $1
    ORDER BY due_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE parked_inbound p
SET due_at = least($1 + (($1 - p.received_at) + interval '1 second'), p.expires_at)
FROM k
WHERE p.inbound_id = k.inbound_id
RETURNING p.inbound_id, p.carrier_id, p.reference, p.content, p.expires_at;

-- name: unpark
DELETE FROM parked_inbound WHERE inbound_id = ANY ($1::uuid[]);
