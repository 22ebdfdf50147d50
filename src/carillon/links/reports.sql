-- name: take_your_time
SET LOCAL statement_timeout = 0;

-- name: clicks_of_sending
-- By link: all clicks of people and of machines, and of how many messages.
SELECT coalesce(e.data ->> 'name', '') AS name,
    count(*) FILTER (WHERE e.data ->> 'class' = 'human') AS human,
    count(DISTINCT e.message_id) FILTER (WHERE e.data ->> 'class' = 'human') AS human_unique,
    count(*) FILTER (WHERE e.data ->> 'class' = 'machine') AS machine,
    count(DISTINCT e.message_id) FILTER (WHERE e.data ->> 'class' = 'machine') AS machine_unique
FROM event e
WHERE e.shard_key = $1 AND e.sending_id = $2 AND e.kind = 'clicked'
GROUP BY 1
ORDER BY 1;
