-- name: taken_keys
SELECT 'phone' AS key, phone AS value, archived_at IS NOT NULL AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND phone = ANY ($3::text[])
UNION ALL
SELECT 'email', email, archived_at IS NOT NULL
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND email = ANY ($4::text[])
UNION ALL
SELECT 'external_id', external_id, archived_at IS NOT NULL
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND external_id = ANY ($5::text[]);

-- name: memberships_of
SELECT group_id, contact_id FROM membership WHERE account_id = $1 AND contact_id = ANY ($2::bigint[]);
