-- name: held_phones
SELECT c.phone
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.phone = ANY ($3::text[]);
