-- name: create_fields
INSERT INTO field (account_id, audience_id, name, kind, label, created_at)
SELECT $1, $2, f.name, f.kind, f.label, $6::timestamptz
FROM unnest($3::text[], $4::text[], $5::text[]) AS f (name, kind, label);

-- name: audience_attributes
SELECT attributes FROM audience WHERE account_id = $1 AND audience_id = $2;

-- name: keep_attributes
UPDATE audience SET attributes = $3::jsonb, updated_at = $4 WHERE account_id = $1 AND audience_id = $2;

-- name: list_fields
SELECT name, kind, label, created_at FROM field WHERE account_id = $1 AND audience_id = $2 ORDER BY name;

-- name: fields_of_audiences
SELECT audience_id, name, kind, label, created_at
FROM field
WHERE account_id = $1 AND audience_id = ANY ($2::bigint[])
ORDER BY audience_id, name;

-- name: next_contacts
-- The last of the next so many contacts; NULL after the last one.
SELECT max(contact_id)
FROM (SELECT contact_id FROM contact
      WHERE account_id = $1 AND audience_id = $2 AND contact_id > $3
      ORDER BY contact_id LIMIT $4) k;

-- name: empty_fields
UPDATE contact SET fields = fields - $5::text[], updated_at = $6
WHERE account_id = $1 AND audience_id = $2 AND contact_id > $3 AND contact_id <= $4 AND fields ?| $5::text[];

-- name: delete_fields
DELETE FROM field WHERE account_id = $1 AND audience_id = $2 AND name = ANY ($3::text[]);
