-- name: create_purpose
-- Numbers count up within the audience, whose lock the caller holds.
INSERT INTO consent_purpose (account_id, audience_id, key, number, name, description, created_at, updated_at)
SELECT $1, $2, $3, coalesce(max(p.number), 0) + 1, $4, $5, $6::timestamptz, $6::timestamptz
FROM consent_purpose p
WHERE p.account_id = $1 AND p.audience_id = $2;

-- name: change_purpose
UPDATE consent_purpose SET name = coalesce($4, name), description = coalesce($5, description), updated_at = $6
WHERE account_id = $1 AND audience_id = $2 AND key = $3
RETURNING key;

-- name: list_purposes
SELECT key, name, description, created_at, updated_at
FROM consent_purpose
WHERE account_id = $1 AND audience_id = $2
ORDER BY number, key;

-- name: set_consents
-- Keys and flags come as one text each, see one_text. What says the same again is not written.
INSERT INTO consent (account_id, audience_id, contact_id, purpose, channel, granted, given_at, source, actor)
SELECT $1, $2, s.contact_id, s.purpose, s.channel, s.granted, s.given_at, s.source, s.actor
FROM unnest(
         string_to_array($3::text, chr(31))::bigint[], string_to_array($4::text, chr(31)), string_to_array($5::text, chr(31)),
         string_to_array($6::text, chr(31))::boolean[], $7::timestamptz[], $8::text[], $9::text[]
     ) AS s (contact_id, purpose, channel, granted, given_at, source, actor)
ON CONFLICT (account_id, audience_id, contact_id, purpose, channel) DO UPDATE
SET granted = excluded.granted, given_at = excluded.given_at, source = excluded.source, actor = excluded.actor
WHERE consent.granted <> excluded.granted
RETURNING contact_id;

-- name: remove_consents
-- Each column comes as one text, see one_text.
DELETE FROM consent k
USING unnest(
          string_to_array($3::text, chr(31))::bigint[], string_to_array($4::text, chr(31)), string_to_array($5::text, chr(31))
      ) AS s (contact_id, purpose, channel)
WHERE k.account_id = $1 AND k.audience_id = $2 AND k.contact_id = s.contact_id AND k.purpose = s.purpose AND k.channel = s.channel
RETURNING k.contact_id;

-- name: mark_contacts_changed
UPDATE contact SET updated_at = $3
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($4::bigint[]) AND updated_at < $3;

-- name: consents_of
SELECT contact_id, purpose, channel, granted, given_at, source, actor
FROM consent
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);
