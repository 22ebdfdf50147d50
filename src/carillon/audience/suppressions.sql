-- name: add_suppressions
INSERT INTO suppression (account_id, channel, address, suppression_id, created_at, source, actor, reason, description)
SELECT $1, $2, s.address, s.suppression_id, s.created_at, s.source, s.actor, s.reason, s.description
FROM unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[])
     AS s (address, suppression_id, created_at, source, actor, reason, description)
ON CONFLICT (account_id, channel, address) DO NOTHING
RETURNING address;

-- name: say_again
UPDATE suppression SET said_again_at = $4 WHERE account_id = $1 AND channel = $2 AND address = ANY ($3::text[]) AND created_at < $4;

-- name: remove_suppressions
DELETE FROM suppression WHERE account_id = $1 AND channel = $2 AND address = ANY ($3::text[]) RETURNING address;

-- name: write_ledger
INSERT INTO suppression_entry (account_id, entry_id, channel, address, action, at, source, actor, reason)
SELECT $1, e.entry_id, $3, e.address, $5, $6, $7, $8, e.reason
FROM unnest($2::bigint[], $4::text[], $9::text[]) AS e (entry_id, address, reason);

-- name: contacts_with_sms
SELECT audience_id, contact_id
FROM contact
WHERE account_id = $1 AND audience_id = ANY ($2::bigint[]) AND phone = ANY ($3::text[]);

-- name: contacts_with_email
SELECT audience_id, contact_id
FROM contact
WHERE account_id = $1 AND audience_id = ANY ($2::bigint[]) AND email = ANY ($3::text[]);

-- name: mark_sms
-- A status is kept 3 higher while the address is suppressed ($5), but for 3 itself: unsubscribed it stays.
UPDATE contact SET sms_status = CASE WHEN $5 THEN sms_status + 3 ELSE sms_status - 3 END, updated_at = $4
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[])
  AND CASE WHEN $5 THEN sms_status < 3 ELSE sms_status > 3 END;

-- name: mark_email
UPDATE contact SET email_status = CASE WHEN $5 THEN email_status + 3 ELSE email_status - 3 END, updated_at = $4
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[])
  AND CASE WHEN $5 THEN email_status < 3 ELSE email_status > 3 END;

-- name: unsubscribe_sms
UPDATE contact SET sms_status = 3, updated_at = $4
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]) AND sms_status <> 3
RETURNING contact_id;

-- name: unsubscribe_email
UPDATE contact SET email_status = 3, updated_at = $4
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]) AND email_status <> 3
RETURNING contact_id;

-- name: unsubscribe_in_uploads
-- The uploads that are queued have been accepted before: their worker unsubscribes the contacts that they make.
WITH k AS MATERIALIZED (
    SELECT import_id
    FROM contact_import
    WHERE account_id = $1 AND state IN ('pending', 'running') AND file_hash IS NULL
    ORDER BY import_id
    FOR UPDATE
)
UPDATE contact_import i
SET options = i.options || jsonb_build_object(
        'unsubscribed',
        coalesce(i.options -> 'unsubscribed', '{}') || jsonb_build_object(
            $2::text, coalesce(i.options -> 'unsubscribed' -> $2::text, '[]') || to_jsonb($3::text[])))
FROM k
WHERE i.account_id = $1 AND i.import_id = k.import_id;
