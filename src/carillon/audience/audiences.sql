-- name: create_audience
INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at)
VALUES ($1, $2, $3, $4, false, $5);

-- name: get_audience
SELECT audience_id, name, country, is_default, created_at
FROM audience
WHERE account_id = $1 AND audience_id = $2;

-- name: list_audiences
SELECT audience_id, name, country, is_default, created_at
FROM audience
WHERE account_id = $1 AND audience_id > $2
ORDER BY audience_id
LIMIT $3;
