-- name: find_contacts
SELECT c.contact_id, c.external_id, c.phone, c.email, c.email_given, c.landline, c.sms_status, c.email_status,
       c.created_at, c.updated_at, c.archived_at, c.fields,
       ARRAY(SELECT d.platform || ':' || d.token FROM device d
             WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id
             ORDER BY d.platform, d.token) AS devices
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2
  AND (c.phone = ANY ($3::text[]) OR c.email = ANY ($4::text[]) OR c.external_id = ANY ($5::text[])
       OR c.contact_id = ANY ($6::bigint[]))
ORDER BY c.contact_id;

-- name: find_by_digest
SELECT c.contact_id, c.external_id, c.phone, c.email, c.email_given, c.landline, c.sms_status, c.email_status,
       c.created_at, c.updated_at, c.archived_at, c.fields,
       ARRAY(SELECT d.platform || ':' || d.token FROM device d
             WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id
             ORDER BY d.platform, d.token) AS devices,
       ARRAY(SELECT g.group_id || ':' || g.number || ':' || g.name
             FROM membership m
             JOIN contact_group g ON g.account_id = m.account_id AND g.group_id = m.group_id
             WHERE m.account_id = $1 AND m.contact_id = c.contact_id
             ORDER BY m.group_id) AS groups,
       ARRAY(SELECT k.purpose || ':' || k.channel || ':' || k.granted
             FROM consent k
             WHERE k.account_id = $1 AND k.audience_id = $2 AND k.contact_id = c.contact_id
             ORDER BY k.purpose, k.channel) AS consents
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2
  AND ((c.phone IS NOT NULL AND md5(c.phone)::uuid = $3) OR (c.email IS NOT NULL AND md5(c.email)::uuid = $3))
ORDER BY c.contact_id;

-- name: groups_of_contacts
SELECT m.contact_id, g.group_id, g.number, g.name
FROM membership m
JOIN contact_group g ON g.account_id = m.account_id AND g.group_id = m.group_id
WHERE m.account_id = $1 AND m.contact_id = ANY ($2::bigint[])
ORDER BY m.contact_id, m.group_id;
