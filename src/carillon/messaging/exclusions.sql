-- name: recently_sent
-- Which of the digests were sent since an id.
SELECT DISTINCT digest FROM sent_text WHERE shard_key = $1 AND digest = ANY ($2::bigint[]) AND message_id >= $3;
