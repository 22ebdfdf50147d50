-- name: range_contacts
-- Conditions and an order come in where it says so.
SELECT c.contact_id, coalesce(c.phone, c.fields ->> 'repeated_phone') AS phone,
       coalesce(c.email, c.fields ->> 'repeated_email') AS email, c.email_given, c.sms_status, c.email_status,
       c.created_at, c.updated_at, c.fields
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.archived_at IS NULL
  AND ($5::bigint IS NULL OR EXISTS (
        SELECT FROM membership m WHERE m.account_id = $1 AND m.group_id = $5 AND m.contact_id = c.contact_id))
  /* where */
ORDER BY /* order */ c.contact_id
LIMIT $3 OFFSET $4;

-- name: suppressions_of
-- The addresses come as one text, see one_text.
SELECT channel, address, created_at
FROM suppression
WHERE account_id = $1 AND channel = ANY ($2::text[]) AND address = ANY (string_to_array($3::text, chr(31)))
ORDER BY address, channel;
