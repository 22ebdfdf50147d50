-- name: accounts_with_chunks
-- across accounts: a worker polls for what is due; each account's first due chunk is found by its index.
SELECT a.account_id
FROM account a
WHERE EXISTS (
    SELECT FROM chunk c
    WHERE c.account_id = a.account_id AND c.traffic_class = $1 AND c.state <> 'held' AND c.due_at <= $2 + a.clock_offset
      AND (c.leased_until IS NULL OR c.leased_until NOT BETWEEN $2 AND $3)
      AND c.carrier_id = ANY ($4::bigint[])
)
ORDER BY a.account_id;

-- name: claim_chunks
-- As many due chunks as have $6 messages together; the others that are locked here are let go by the commit.
WITH t AS (
    SELECT clock_offset FROM account WHERE account_id = $1
), k AS MATERIALIZED (
    SELECT c.account_id, c.chunk_id, c.due_at, c.leased_until, cardinality(c.message_ids) AS messages
    FROM chunk c
    WHERE c.account_id = $1 AND c.traffic_class = $2 AND c.state <> 'held'
      AND c.due_at <= $3 + (SELECT clock_offset FROM t)
      AND (c.leased_until IS NULL OR c.leased_until NOT BETWEEN $3 AND $4)
      AND c.carrier_id = ANY ($5::bigint[])
    ORDER BY c.due_at, c.chunk_id
    LIMIT $6
    FOR UPDATE SKIP LOCKED
), taken AS MATERIALIZED (
    SELECT account_id, chunk_id, leased_until, sum(messages) OVER (ORDER BY due_at, chunk_id) - messages AS before FROM k
)
UPDATE chunk c
SET state = 'claimed', claims = c.claims + 1, leased_until = $7
FROM taken, t
WHERE c.account_id = $1 AND c.chunk_id = taken.chunk_id AND taken.before < $6
RETURNING c.chunk_id, c.sending_id, c.channel, c.carrier_id, c.traffic_class, c.due_at, c.attempts, c.claims,
    c.message_ids, c.in_flight, c.tried, taken.leased_until AS leased_before, t.clock_offset;

-- name: renew_chunks
UPDATE chunk c
SET leased_until = $4
FROM unnest($2::uuid[], $3::integer[]) AS held (chunk_id, claims)
WHERE c.account_id = $1 AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed';

-- name: release_chunks
UPDATE chunk c
SET state = 'due', leased_until = NULL, due_at = greatest(c.due_at, $4)
FROM unnest($2::uuid[], $3::integer[]) AS held (chunk_id, claims)
WHERE c.account_id = $1 AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed';

-- name: set_in_flight
-- Which messages are handed to a carrier next: whoever takes the chunk over knows that their outcome is unknown.
UPDATE chunk c
SET in_flight = string_to_array(held.ids, ',')::uuid[]
FROM unnest($2::uuid[], $3::integer[], $4::text[]) AS held (chunk_id, claims, ids)
WHERE c.account_id = $1 AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed'
RETURNING c.chunk_id;

-- name: hold_chunks
-- Of sendings that are paused, which are locked here: a sending that is resumed meanwhile keeps its chunks due.
WITH paused AS MATERIALIZED (
    SELECT s.sending_id
    FROM sending s
    WHERE s.shard_key = $1 AND s.sending_id = ANY ($4::uuid[]) AND s.state = 'paused'
    ORDER BY s.sending_id
    FOR NO KEY UPDATE
)
UPDATE chunk c
SET state = CASE WHEN c.sending_id IN (SELECT sending_id FROM paused) THEN 'held' ELSE 'due' END, leased_until = NULL
FROM unnest($2::uuid[], $3::integer[]) AS held (chunk_id, claims)
WHERE c.account_id = $1 AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed';

-- name: end_chunks
DELETE FROM chunk c
USING unnest($2::uuid[], $3::integer[]) AS held (chunk_id, claims)
WHERE c.account_id = $1 AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed'
RETURNING c.chunk_id;

-- name: sendings_of
SELECT s.sending_id, s.state, s.sender, s.text, s.expires_at,
    s.options -> 'flash' = 'true' AS flash, s.options -> 'ignores_suppressions' = 'true' AS ignores_suppressions
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[]) AND s.sending_id BETWEEN $3 AND $4;

-- name: open_messages
SELECT m.message_id, m.sending_id, m.state, m.address, m.text, m.encoding, m.parts
FROM message m
WHERE m.shard_key = $1 AND m.message_id = ANY ($2::uuid[]) AND m.message_id BETWEEN $3 AND $4
  AND m.state IN ('waiting', 'uncertain')
ORDER BY m.message_id;

-- name: next_due
-- When the account's next chunk is due, in its time.
SELECT min(due_at) FROM chunk WHERE account_id = $1 AND state <> 'held';
