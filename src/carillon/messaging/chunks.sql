-- name: add_chunks
-- One that is claimed as it is written has all its messages in flight.
INSERT INTO chunk (account_id, chunk_id, sending_id, channel, carrier_id, traffic_class, state, due_at, attempts,
    claims, leased_until, message_ids, in_flight, tried)
SELECT $1, c.chunk_id, c.sending_id, c.channel, c.carrier_id, c.traffic_class, c.state, c.due_at, c.attempts,
    (c.state = 'claimed')::integer, CASE WHEN c.state = 'claimed' THEN $12::timestamptz END, ids.of_messages,
    CASE WHEN c.state = 'claimed' THEN ids.of_messages ELSE '{}' END, string_to_array(c.tried, ',')::bigint[]
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::smallint[], $7::text[], $8::timestamptz[],
            $9::integer[], $10::text[], $11::text[])
    AS c (chunk_id, sending_id, channel, carrier_id, traffic_class, state, due_at, attempts, message_ids, tried)
CROSS JOIN LATERAL (SELECT string_to_array(c.message_ids, ',')::uuid[] AS of_messages) AS ids;

-- name: accounts_with_chunks
-- across accounts: a worker polls for what is due; each account's first due chunk is found by its index.
SELECT a.account_id
FROM account a
WHERE EXISTS (
    SELECT FROM chunk c
    WHERE c.account_id = a.account_id AND c.traffic_class = $1 AND c.state <> 'held' AND c.due_at <= $2::timestamptz + a.clock_offset
      AND (c.leased_until IS NULL OR c.leased_until NOT BETWEEN $2 AND $3)
      AND c.carrier_id = ANY ($4::bigint[])
)
ORDER BY a.account_id;

-- name: claim_chunks
-- A claim is not waited for on the disk: one that a crash loses was never used, as what is in flight is committed durably after it.
-- Of each carrier ($5) as many due chunks as have so many messages together ($6): a slow one holds up no other. The others that are
-- locked here are let go by the commit.
WITH t AS MATERIALIZED (
    SELECT clock_offset, status, set_config('synchronous_commit', 'off', true) FROM account WHERE account_id = $1
), k AS MATERIALIZED (
    SELECT c.chunk_id, c.due_at, c.leased_until, c.messages, l.carrier_id, l.most
    FROM unnest($5::bigint[], $6::bigint[]) AS l (carrier_id, most)
    CROSS JOIN LATERAL (
        SELECT c.chunk_id, c.due_at, c.leased_until, cardinality(c.message_ids) AS messages
        FROM chunk c
        WHERE c.account_id = $1 AND c.traffic_class = $2 AND c.state <> 'held' AND c.carrier_id = l.carrier_id
          AND c.due_at <= $3::timestamptz + (SELECT clock_offset FROM t)
          AND (c.leased_until IS NULL OR c.leased_until NOT BETWEEN $3 AND $4)
        ORDER BY c.due_at, c.chunk_id
        LIMIT l.most
        FOR UPDATE SKIP LOCKED
    ) c
), taken AS MATERIALIZED (
    SELECT chunk_id, leased_until, most,
        sum(messages) OVER (PARTITION BY carrier_id ORDER BY due_at, chunk_id) - messages AS before
    FROM k
)
UPDATE chunk c
SET state = 'claimed', claims = c.claims + 1, leased_until = $7
FROM taken, t
WHERE c.account_id = $1 AND c.chunk_id = ANY (ARRAY(SELECT chunk_id FROM taken WHERE before < most)) AND c.chunk_id = taken.chunk_id
RETURNING c.chunk_id, c.sending_id, c.channel, c.carrier_id, c.traffic_class, c.due_at, c.attempts, c.claims,
    c.message_ids, c.in_flight, c.tried, taken.leased_until AS leased_before, t.clock_offset,
    t.status <> 'active' AS is_closed;

-- name: renew_chunks
UPDATE chunk c
SET leased_until = $4
FROM unnest($2::uuid[], $3::integer[]) AS held (chunk_id, claims)
WHERE c.account_id = $1 AND c.chunk_id = ANY ($2::uuid[]) AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed';

-- name: release_chunks
UPDATE chunk c
SET state = 'due', leased_until = NULL, due_at = greatest(c.due_at, $4)
FROM unnest($2::uuid[], $3::integer[]) AS held (chunk_id, claims)
WHERE c.account_id = $1 AND c.chunk_id = ANY ($2::uuid[]) AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed';

-- name: set_in_flight
-- Which messages are handed to a carrier next: whoever takes the chunk over knows that their outcome is unknown.
UPDATE chunk c
SET in_flight = string_to_array(held.ids, ',')::uuid[]
FROM unnest($2::uuid[], $3::integer[], $4::text[]) AS held (chunk_id, claims, ids)
WHERE c.account_id = $1 AND c.chunk_id = ANY ($2::uuid[]) AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed'
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
WHERE c.account_id = $1 AND c.chunk_id = ANY ($2::uuid[]) AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed';

-- name: end_chunks
DELETE FROM chunk c
USING unnest($2::uuid[], $3::integer[]) AS held (chunk_id, claims)
WHERE c.account_id = $1 AND c.chunk_id = ANY ($2::uuid[]) AND c.chunk_id = held.chunk_id AND c.claims = held.claims AND c.state = 'claimed'
RETURNING c.chunk_id;
