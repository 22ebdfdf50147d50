-- name: accounts_due
-- across accounts: a worker polls for what is due; the partial index holds only endpoints where something waits.
-- Here and below: no lease ends after the latest moment ($2, $3) but one that was taken before the clock was set back.
SELECT DISTINCT e.account_id
FROM callback_endpoint e
JOIN account a ON a.account_id = e.account_id
WHERE e.due_at <= $1::timestamptz + a.clock_offset AND e.dialect = ANY ($3::text[])
  AND (e.leased_until IS NULL OR e.leased_until NOT BETWEEN $1 AND $2)
ORDER BY e.account_id;

-- name: claim_endpoints
WITH k AS MATERIALIZED (
    SELECT e.endpoint_id, e.due_at
    FROM callback_endpoint e, account a
    WHERE e.account_id = $1 AND a.account_id = $1 AND e.due_at <= $2::timestamptz + a.clock_offset
      AND e.dialect = ANY ($6::text[]) AND (e.leased_until IS NULL OR e.leased_until NOT BETWEEN $2 AND $3)
    ORDER BY e.due_at, e.endpoint_id
    LIMIT $5
    FOR UPDATE OF e SKIP LOCKED
)
UPDATE callback_endpoint e
SET leased_until = $4, lease_attempt = e.lease_attempt + 1
FROM k, account a
WHERE e.account_id = $1 AND a.account_id = $1 AND e.endpoint_id = k.endpoint_id
RETURNING e.endpoint_id, e.dialect, e.purpose, e.url, e.attempts, e.lease_attempt,
    k.due_at - a.clock_offset AS due_at, a.clock_offset, a.currency, a.time_zone;

-- name: renew_leases
-- One that is being recorded is locked, and the record renews it: the others don't wait for it.
WITH k AS MATERIALIZED (
    SELECT e.endpoint_id
    FROM callback_endpoint e
    JOIN unnest($2::bigint[], $3::integer[]) AS held (endpoint_id, lease_attempt) USING (endpoint_id, lease_attempt)
    WHERE e.account_id = $1
    FOR UPDATE OF e SKIP LOCKED
)
UPDATE callback_endpoint e SET leased_until = $4
FROM k
WHERE e.account_id = $1 AND e.endpoint_id = k.endpoint_id
RETURNING e.endpoint_id;

-- name: release_endpoints
-- Its moment stays, or is $4 where that is later.
UPDATE callback_endpoint e SET leased_until = NULL, due_at = greatest(e.due_at, $4)
FROM unnest($2::bigint[], $3::integer[]) AS held (endpoint_id, lease_attempt)
WHERE e.account_id = $1 AND e.endpoint_id = held.endpoint_id AND e.lease_attempt = held.lease_attempt;

-- name: hold_endpoint
-- Nothing where another process has claimed it since.
UPDATE callback_endpoint SET attempts = $4, leased_until = $5
WHERE account_id = $1 AND endpoint_id = $2 AND lease_attempt = $3
RETURNING TRUE;

-- name: reschedule_endpoint
UPDATE callback_endpoint SET attempts = $4, leased_until = NULL, due_at = $5
WHERE account_id = $1 AND endpoint_id = $2 AND lease_attempt = $3
RETURNING TRUE;

-- name: lock_sequence
-- While it is locked nobody appends: what waits has been committed.
SELECT TRUE FROM event_sequence WHERE account_id = $1 FOR UPDATE SKIP LOCKED;

-- name: end_endpoint
UPDATE callback_endpoint SET leased_until = NULL, due_at = NULL
WHERE account_id = $1 AND endpoint_id = $2 AND lease_attempt = $3
  AND NOT EXISTS (SELECT FROM callback c WHERE c.shard_key = $1 AND c.endpoint_id = $2 AND c.state = 'waiting')
RETURNING TRUE;

-- name: record_callbacks
-- $6 and $7 are the first and the last id: they keep other days' partitions from being looked at.
UPDATE callback c
SET state = d.state, attempts = d.attempts, http_status = d.http_status,
    ended_at = CASE WHEN d.state <> 'waiting' THEN $8::timestamptz END
FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::integer[]) AS d (callback_id, state, attempts, http_status)
WHERE c.shard_key = $1 AND c.callback_id = d.callback_id AND c.callback_id BETWEEN $6 AND $7 AND c.state = 'waiting';
