-- name: account_of_clicks
SELECT a.clock_offset, a.human_clicks_only FROM account a WHERE a.account_id = $1;

-- name: set_human_clicks_only
UPDATE account SET human_clicks_only = $2 WHERE account_id = $1;

-- name: endpoints_of_sendings
SELECT s.sending_id, s.endpoint_id
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[]) AND s.sending_id BETWEEN $3 AND $4;

-- name: deliveries
SELECT m.message_id, m.submitted_at, CASE WHEN m.state = 'delivered' THEN m.final_at END AS delivered_at
FROM message m
WHERE m.shard_key = $1 AND m.message_id = ANY ($2::uuid[]) AND m.message_id BETWEEN $3 AND $4;

-- name: is_click_there
SELECT EXISTS (SELECT FROM event e WHERE e.shard_key = $1 AND e.event_id = $2);
