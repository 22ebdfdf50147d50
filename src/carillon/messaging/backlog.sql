-- name: queue_depths
-- across accounts: what an operator watches. Only what is due: what is scheduled for later, or paused, waits for nobody.
SELECT c.traffic_class, count(*) AS chunks, coalesce(sum(cardinality(c.message_ids)), 0)::bigint AS messages,
    min(c.due_at - a.clock_offset) AS oldest
FROM account a
JOIN chunk c ON c.account_id = a.account_id
WHERE c.state <> 'held' AND c.due_at <= $1::timestamptz + a.clock_offset
GROUP BY c.traffic_class;

-- name: callback_depth
-- across accounts: the partial index has only what waits and what has failed.
SELECT count(*) FROM callback c WHERE c.state = 'waiting';

-- name: callback_age
-- across accounts: the endpoint that is most overdue.
SELECT min(e.due_at - a.clock_offset)
FROM callback_endpoint e
JOIN account a ON a.account_id = e.account_id
WHERE e.due_at <= $1::timestamptz + a.clock_offset;

-- name: parked_depth
-- across accounts: what is parked has none yet.
SELECT count(*) FROM parked_inbound;
