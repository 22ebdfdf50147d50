-- name: find_endpoint
SELECT endpoint_id, created_at FROM callback_endpoint
WHERE account_id = $1 AND dialect = $2 AND purpose = $3 AND url_hash = $4;

-- name: create_endpoint
INSERT INTO callback_endpoint (account_id, endpoint_id, dialect, purpose, url, url_hash, created_at)
VALUES ($1, $5, $2, $3, $6, $4, $7)
ON CONFLICT (account_id, dialect, purpose, url_hash) DO NOTHING
RETURNING endpoint_id;

-- name: list_endpoints
-- Counting stops at $2: an endpoint that has been dead for weeks has millions.
SELECT e.endpoint_id, e.dialect, e.purpose, e.url, e.created_at, e.attempts, e.due_at,
    (SELECT count(*) FROM (SELECT FROM callback c WHERE c.shard_key = $1 AND c.endpoint_id = e.endpoint_id
        AND c.state = 'waiting' LIMIT $2) w) AS waiting,
    (SELECT count(*) FROM (SELECT FROM callback c WHERE c.shard_key = $1 AND c.endpoint_id = e.endpoint_id
        AND c.state = 'failed' LIMIT $2) g) AS failed,
    (SELECT c.created_at FROM callback c WHERE c.shard_key = $1 AND c.endpoint_id = e.endpoint_id
        AND c.state = 'waiting' ORDER BY c.sequence LIMIT 1) AS waiting_since,
    (SELECT c.http_status FROM callback c WHERE c.shard_key = $1 AND c.endpoint_id = e.endpoint_id
        AND c.state = 'waiting' ORDER BY c.sequence LIMIT 1) AS http_status
FROM callback_endpoint e
WHERE e.account_id = $1
ORDER BY e.endpoint_id;
