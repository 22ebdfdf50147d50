-- name: lock_sequence
-- Nobody appends, and nobody finds that nothing waits for an endpoint, until the commit.
SELECT last FROM event_sequence WHERE account_id = $1 FOR UPDATE;

-- name: endpoint_of_account
SELECT endpoint_id, dialect FROM callback_endpoint WHERE account_id = $1 AND endpoint_id = $2;

-- name: failed_again
-- Of one endpoint ($3), or of all.
WITH k AS MATERIALIZED (
    SELECT c.callback_id
    FROM callback_endpoint e
    CROSS JOIN LATERAL (
        SELECT callback_id, sequence
        FROM callback
        WHERE shard_key = $1 AND endpoint_id = e.endpoint_id AND state = 'failed' AND sequence > $2
        ORDER BY sequence
        LIMIT $4
    ) c
    WHERE e.account_id = $1 AND (e.endpoint_id = $3 OR $3::bigint IS NULL)
    ORDER BY c.sequence
    LIMIT $4
)
UPDATE callback c
SET state = 'waiting', attempts = 0, http_status = NULL, created_at = $5, ended_at = NULL
FROM k
WHERE c.shard_key = $1 AND c.callback_id = k.callback_id
RETURNING c.endpoint_id, c.sequence;

-- name: events_to_tell
-- Those of the dialect's sendings, and those of none. $4 is the dialect, $5 the endpoint. OFFSET 0 as in facts.sql.
SELECT e.event_id, e.sequence, c.endpoint_id AS first_endpoint_id
FROM event e
LEFT JOIN LATERAL (SELECT dialect FROM sending WHERE shard_key = $1 AND sending_id = e.sending_id OFFSET 0) s ON true
LEFT JOIN LATERAL (SELECT endpoint_id FROM callback WHERE shard_key = $1 AND callback_id = e.event_id OFFSET 0) c ON true
WHERE e.shard_key = $1 AND e.sequence > $2 AND (s.dialect = $4 OR e.sending_id IS NULL OR c.endpoint_id = $5)
ORDER BY e.sequence
LIMIT $3;

-- name: tell_again
INSERT INTO callback AS c (shard_key, callback_id, endpoint_id, sequence, event_id, state, attempts, created_at)
SELECT $1, d.callback_id, $5, d.sequence, d.event_id, 'waiting', 0, $6
FROM unnest($2::uuid[], $3::bigint[], $4::uuid[]) AS d (callback_id, sequence, event_id)
ON CONFLICT (shard_key, callback_id) DO UPDATE
SET state = 'waiting', attempts = 0, http_status = NULL, created_at = excluded.created_at, ended_at = NULL
WHERE c.state <> 'waiting'
RETURNING c.sequence;

-- name: make_due
UPDATE callback_endpoint SET due_at = least(due_at, $3) WHERE account_id = $1 AND endpoint_id = ANY ($2::bigint[]);
