-- name: find_replied
-- across accounts: a phone's number says nothing of the account that wrote to it. The latest message between two numbers.
-- A second attempt has a sender of its own; where that is the first one's too, the reply is by the latest channel.
SELECT a.account_id, m.message_id, m.sending_id, m.contact_id, s.reply_endpoint_id, s.endpoint_id, s.channel AS first_channel,
    CASE WHEN s.options #>> '{fallback,sender}' = $2 THEN m.channel END AS channel
FROM account a
CROSS JOIN LATERAL (
    SELECT message_id, sending_id, contact_id, channel
    FROM message
    WHERE shard_key = a.account_id AND address = $1 AND message_id >= $3 AND state <> 'excluded'
    ORDER BY message_id DESC
    LIMIT 20
) m
JOIN sending s ON s.shard_key = a.account_id AND s.sending_id = m.sending_id
WHERE (s.sender = $2 OR (m.channel IS NOT NULL AND s.options #>> '{fallback,sender}' = $2)) AND ($4::bigint IS NULL OR a.account_id = $4)
ORDER BY m.message_id DESC
LIMIT 1;
