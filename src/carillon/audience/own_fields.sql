-- name: create_field
INSERT INTO field (account_id, audience_id, name, kind, label, created_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: list_fields
SELECT name, kind, label, created_at FROM field WHERE account_id = $1 AND audience_id = $2 ORDER BY name;
