-- name: sent_so_far
-- Sendings of one recipient each, and what became of their messages.
SELECT s.sending_id, s.dialect, s.channel, s.traffic_class, s.sender, s.text, s.encoding, s.reference, s.sealed,
    e.url, m.address, m.state, m.carrier_id, m.channel AS second_channel,
    (s.options -> 'content')::text AS content, (s.options -> 'fallback')::text AS fallback
FROM sending s
JOIN message m ON m.shard_key = $1 AND m.sending_id = s.sending_id
LEFT JOIN callback_endpoint e ON e.account_id = $1 AND e.endpoint_id = s.endpoint_id
WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[])
ORDER BY s.sending_id;

-- name: carriers_of_chunks
SELECT DISTINCT c.carrier_id FROM chunk c WHERE c.account_id = $1 AND c.sending_id = ANY ($2::uuid[]);
