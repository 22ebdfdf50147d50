-- name: see_one_moment
-- All pages of an export are of the same moment, however long they take.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- name: fields_in_use
SELECT DISTINCT k.name
FROM contact c
CROSS JOIN LATERAL jsonb_object_keys(c.fields) AS k (name)
WHERE c.account_id = $1 AND c.audience_id = $2
ORDER BY k.name;

-- name: group_fields_in_use
SELECT DISTINCT k.name
FROM membership m
JOIN contact c ON c.account_id = m.account_id AND c.audience_id = $2 AND c.contact_id = m.contact_id
CROSS JOIN LATERAL jsonb_object_keys(c.fields) AS k (name)
WHERE m.account_id = $1 AND m.group_id = $3
ORDER BY k.name;

-- name: export_page
SELECT c.contact_id, '+' || c.phone AS phone, coalesce(c.email_given, c.email) AS email, c.external_id, c.landline, c.sms_status,
       c.email_status, c.created_at, c.updated_at, c.fields
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id > $3 AND c.archived_at IS NULL
ORDER BY c.contact_id
LIMIT $4;

-- name: export_group_page
SELECT c.contact_id, '+' || c.phone AS phone, coalesce(c.email_given, c.email) AS email, c.external_id, c.landline, c.sms_status,
       c.email_status, c.created_at, c.updated_at, c.fields
FROM membership m
JOIN contact c ON c.account_id = m.account_id AND c.audience_id = $2 AND c.contact_id = m.contact_id
WHERE m.account_id = $1 AND m.group_id = $5 AND m.contact_id > $3 AND c.archived_at IS NULL
ORDER BY m.contact_id
LIMIT $4;
