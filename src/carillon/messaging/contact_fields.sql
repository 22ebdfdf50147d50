-- name: values_of_numbers
SELECT c.phone, coalesce(c.email_given, c.email) AS email, c.external_id, c.fields
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.phone = ANY ($3::text[]) AND c.archived_at IS NULL;
