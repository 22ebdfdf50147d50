-- name: owners_of_keys
-- No key is the empty text, which stands for one that the row doesn't give.
SELECT contact_id, phone, email, external_id
FROM contact
WHERE account_id = $1 AND audience_id = $2
  AND (phone = ANY (ARRAY[$3::text]) OR email = ANY (ARRAY[$4::text]) OR external_id = ANY (ARRAY[$5::text]));

-- name: keys_of
SELECT phone, email, external_id FROM contact WHERE account_id = $1 AND audience_id = $2 AND contact_id = $3;

-- name: fields_of
SELECT fields::text FROM contact WHERE account_id = $1 AND audience_id = $2 AND contact_id = $3;
