-- name: taken_addresses
SELECT 'phone' AS key, phone AS value, archived_at IS NOT NULL AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND phone = ANY ($3::text[])
UNION ALL
SELECT 'email', email, archived_at IS NOT NULL
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND email = ANY ($4::text[]);

-- name: taken_values
SELECT DISTINCT fields ->> $3::text AS value
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND archived_at IS NULL AND fields ->> $3::text = ANY ($4::text[]);
