-- name: known_phones
SELECT c.phone, c.contact_id
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.phone = ANY ($3::text[])
UNION ALL
SELECT s.address, NULL
FROM suppression s
WHERE s.account_id = $1 AND s.channel IN ('sms', 'voice') AND s.address = ANY ($3::text[]);
