-- name: match_phone
-- The keys come as one text, see one_text; the contacts as one array a column, which is read faster than as many records.
SELECT array_agg(contact_id) AS contact_id, array_agg(phone) AS phone,
       array_agg(phone_quality) AS phone_quality, array_agg(email) AS email,
       array_agg(external_id) AS external_id, array_agg(email_given) AS email_given, array_agg(landline) AS landline,
       array_agg(fields::text) AS fields, array_agg(archived_at IS NOT NULL) AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND phone = ANY (string_to_array($3::text, chr(31)));

-- name: match_email
SELECT array_agg(contact_id) AS contact_id, array_agg(phone) AS phone,
       array_agg(phone_quality) AS phone_quality, array_agg(email) AS email,
       array_agg(external_id) AS external_id, array_agg(email_given) AS email_given, array_agg(landline) AS landline,
       array_agg(fields::text) AS fields, array_agg(archived_at IS NOT NULL) AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND email = ANY (string_to_array($3::text, chr(31)));

-- name: match_external_id
SELECT array_agg(contact_id) AS contact_id, array_agg(phone) AS phone,
       array_agg(phone_quality) AS phone_quality, array_agg(email) AS email,
       array_agg(external_id) AS external_id, array_agg(email_given) AS email_given, array_agg(landline) AS landline,
       array_agg(fields::text) AS fields, array_agg(archived_at IS NOT NULL) AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND external_id = ANY (string_to_array($3::text, chr(31)));

-- name: contacts_by_id
SELECT contact_id, phone, phone_quality, phone_region, email, email_given, external_id, landline, fields,
       archived_at IS NOT NULL AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: contacts_with_keys
SELECT contact_id, phone, phone_quality, phone_region, email, email_given, external_id, landline, fields,
       archived_at IS NOT NULL AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2
  AND (phone = ANY ($3::text[]) OR email = ANY ($4::text[]) OR external_id = ANY ($5::text[]));

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
