-- name: sendings_with_values
SELECT s.sending_id
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[]) AND octet_length(s.sealed) > 0
ORDER BY s.sending_id;

-- name: have_waiting
-- Whether something of sendings may still be submitted.
SELECT EXISTS (
    SELECT FROM sending s
    WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[]) AND s.waiting + s.uncertain > 0
);

-- name: forget_values
UPDATE sending SET sealed = '' WHERE shard_key = $1 AND sending_id = ANY ($2::uuid[]);
