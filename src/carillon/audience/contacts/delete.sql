-- name: contact_ids
SELECT c.contact_id
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2
  AND (c.phone = ANY ($3::text[]) OR c.email = ANY ($4::text[]) OR c.external_id = ANY ($5::text[])
       OR c.contact_id = ANY ($6::bigint[]));

-- name: repeated_ids
-- Contacts that keep an address which another one has; where the audience has no field for them, nothing is walked.
SELECT contact_id
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND fields ->> 'repeated_phone' = ANY ($3::text[])
  AND EXISTS (SELECT FROM field f WHERE f.account_id = $1 AND f.audience_id = $2 AND f.name = 'repeated_phone')
UNION
SELECT contact_id
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND fields ->> 'repeated_email' = ANY ($4::text[])
  AND EXISTS (SELECT FROM field f WHERE f.account_id = $1 AND f.audience_id = $2 AND f.name = 'repeated_email');

-- name: delete_memberships
DELETE FROM membership WHERE account_id = $1 AND contact_id = ANY ($2::bigint[]);

-- name: delete_devices
DELETE FROM device WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: delete_consents
DELETE FROM consent WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: delete_unsubscriptions
DELETE FROM unsubscription WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: delete_form_tokens
DELETE FROM form_token WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: delete_contacts
DELETE FROM contact WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]) RETURNING contact_id;
