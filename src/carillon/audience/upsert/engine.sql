-- fragment: replaced
-- The addresses that contacts leave, with the statuses that they had there and their ids, by channel.
array_agg(left_phone) FILTER (WHERE left_phone IS NOT NULL) AS left_sms,
       array_agg(old_sms_status) FILTER (WHERE left_phone IS NOT NULL) AS left_sms_statuses,
       array_agg(contact_id) FILTER (WHERE left_phone IS NOT NULL) AS left_sms_contact_ids,
       array_agg(left_email) FILTER (WHERE left_email IS NOT NULL) AS left_email,
       array_agg(old_email_status) FILTER (WHERE left_email IS NOT NULL) AS left_email_statuses,
       array_agg(contact_id) FILTER (WHERE left_email IS NOT NULL) AS left_email_contact_ids

-- name: release_keys
-- NULL stands in for a key that is about to become another, until then.
WITH released AS (
    UPDATE contact c
    SET phone = CASE WHEN n.left_phone IS NULL THEN c.phone END,
        email = CASE WHEN n.left_email IS NULL THEN c.email END,
        external_id = CASE WHEN n.left_external_id IS NULL THEN c.external_id END,
        updated_at = $3
    FROM (
        SELECT o.contact_id, o.sms_status AS old_sms_status, o.email_status AS old_email_status,
               CASE WHEN s.phone <> o.phone THEN o.phone END AS left_phone,
               CASE WHEN s.email <> o.email THEN o.email END AS left_email,
               CASE WHEN s.external_id <> o.external_id THEN o.external_id END AS left_external_id
        FROM unnest($4::bigint[], $5::text[], $6::text[], $7::text[]) AS s (contact_id, phone, email, external_id)
        JOIN contact o ON o.account_id = $1 AND o.audience_id = $2 AND o.contact_id = s.contact_id
    ) n
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = n.contact_id
      AND num_nonnulls(n.left_phone, n.left_email, n.left_external_id) > 0
    RETURNING c.contact_id, n.left_phone, n.left_email, n.old_sms_status, n.old_email_status
)
SELECT {replaced}
FROM released;

-- name: unarchive_contacts
UPDATE contact SET archived_at = NULL, updated_at = $3
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($4::bigint[]);

-- name: archive_contacts
UPDATE contact c SET archived_at = least(s.archived_at, $3), updated_at = $3
FROM unnest($4::bigint[], $5::timestamptz[]) AS s (contact_id, archived_at)
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = s.contact_id AND c.archived_at IS NULL
RETURNING c.contact_id;

-- name: change_contacts
-- Only rows that end up different are written. In s, NULL leaves a column alone and '' empties it. Each of its columns comes as one
-- text, see column_text. Whatever address it has, or none, the status that the audience set stays: unsubscribed (3, without an
-- address 6) and unconfirmed (2, suppressed 5, without an address 7). A given address itself is subscribed (1),
-- suppressed (4), or as its contact was that was removed: unsubscribed (3), or unconfirmed (2, suppressed 5).
WITH changed AS (
    UPDATE contact c
    SET phone = n.phone, phone_quality = n.phone_quality, phone_region = n.phone_region, sms_status = n.sms_status,
        email = n.email, email_given = n.email_given, email_status = n.email_status,
        external_id = n.external_id, landline = n.landline, fields = n.fields, updated_at = $3
    FROM (
        SELECT o.contact_id,
               nullif(coalesce(s.phone, o.phone), '') AS phone,
               CASE WHEN s.phone IS NULL THEN o.phone_quality ELSE s.phone_quality END AS phone_quality,
               CASE WHEN s.phone IS NULL THEN o.phone_region ELSE s.phone_region END AS phone_region,
               CASE WHEN s.phone IS NULL OR s.phone = o.phone THEN o.sms_status
                    WHEN o.sms_status IN (3, 6) THEN CASE WHEN s.sms_status = 0 THEN 6 ELSE 3 END
                    WHEN o.sms_status IN (2, 5, 7) THEN (ARRAY[7, 2, 2, 3, 5, 5])[s.sms_status + 1]
                    ELSE s.sms_status END AS sms_status,
               nullif(coalesce(s.email, o.email), '') AS email,
               CASE WHEN s.email IS NULL THEN o.email_given ELSE s.email_given END AS email_given,
               CASE WHEN s.email IS NULL OR s.email = o.email THEN o.email_status
                    WHEN o.email_status IN (3, 6) THEN CASE WHEN s.email_status = 0 THEN 6 ELSE 3 END
                    WHEN o.email_status IN (2, 5, 7) THEN (ARRAY[7, 2, 2, 3, 5, 5])[s.email_status + 1]
                    ELSE s.email_status END AS email_status,
               nullif(coalesce(s.external_id, o.external_id), '') AS external_id,
               nullif(coalesce(s.landline, o.landline), '') AS landline,
               (o.fields || s.patch::jsonb) - coalesce(string_to_array(s.unset, ','), '{}') AS fields,
               o.phone AS old_phone, o.email AS old_email, o.email_given AS old_email_given, o.external_id AS old_external_id,
               o.sms_status AS old_sms_status, o.email_status AS old_email_status, o.landline AS old_landline,
               o.fields AS old_fields
        FROM unnest(
                 string_to_array($4::text, chr(31), chr(30))::bigint[], string_to_array($5::text, chr(31), chr(30)),
                 string_to_array($6::text, chr(31), chr(30))::smallint[], string_to_array($7::text, chr(31), chr(30)),
                 string_to_array($8::text, chr(31), chr(30)), string_to_array($9::text, chr(31), chr(30)),
                 string_to_array($10::text, chr(31), chr(30)), string_to_array($11::text, chr(31), chr(30)),
                 string_to_array($12::text, chr(31), chr(30)), string_to_array($13::text, chr(31), chr(30)),
                 string_to_array($14::text, chr(31), chr(30))::smallint[], string_to_array($15::text, chr(31), chr(30))::smallint[]
             )
             AS s (contact_id, phone, phone_quality, phone_region, email, email_given, external_id, landline, patch, unset,
                   sms_status, email_status)
        JOIN contact o ON o.account_id = $1 AND o.audience_id = $2 AND o.contact_id = s.contact_id
    ) n
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = n.contact_id
      -- The statuses tell of an address that release_keys has already taken away.
      AND (n.phone, n.email, n.email_given, n.external_id, n.landline, n.fields, n.sms_status, n.email_status)
          IS DISTINCT FROM (n.old_phone, n.old_email, n.old_email_given, n.old_external_id, n.old_landline, n.old_fields,
                            n.old_sms_status, n.old_email_status)
    RETURNING c.contact_id, n.old_sms_status, n.old_email_status,
              CASE WHEN n.phone IS DISTINCT FROM n.old_phone THEN n.old_phone END AS left_phone,
              CASE WHEN n.email IS DISTINCT FROM n.old_email THEN n.old_email END AS left_email
)
SELECT array_agg(contact_id) AS contact_ids,
       {replaced}
FROM changed;
