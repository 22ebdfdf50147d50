-- name: list_contacts
SELECT c.contact_id, c.external_id, c.phone, c.email, c.email_given, c.landline, c.sms_status, c.email_status,
       c.created_at, c.updated_at, c.archived_at, c.fields,
       ARRAY(SELECT d.platform || ':' || d.token FROM device d
             WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id
             ORDER BY d.platform, d.token) AS devices
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id > $3 AND c.archived_at IS NULL
  AND ($5::timestamptz IS NULL OR c.created_at >= $5) AND ($6::timestamptz IS NULL OR c.created_at < $6)
  AND ($7::timestamptz IS NULL OR c.updated_at >= $7) AND ($8::timestamptz IS NULL OR c.updated_at < $8)
ORDER BY c.contact_id
LIMIT $4;

-- name: count_queried
-- Conditions come in where it says so. The page is the next statement's: both take the same parameters.
SELECT count(*)
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND $3::bigint IS NOT NULL AND $4::bigint IS NOT NULL
  /* where */;

-- name: query_contacts
-- Conditions and an order come in where it says so.
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
  /* where */
ORDER BY /* order */ c.contact_id
LIMIT $3 OFFSET $4;

-- name: count_contacts
SELECT count(*) FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.archived_at IS NULL
  AND ($3::text IS NULL OR c.landline = $3) AND ($4::text IS NULL OR c.fields ->> 'country' = $4);

-- name: page_contacts
SELECT c.contact_id, c.external_id, c.phone, c.email, c.email_given, c.landline, c.sms_status, c.email_status,
       c.created_at, c.updated_at, c.archived_at, c.fields,
       ARRAY(SELECT d.platform || ':' || d.token FROM device d
             WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id
             ORDER BY d.platform, d.token) AS devices
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.archived_at IS NULL
  AND ($3::text IS NULL OR c.landline = $3) AND ($4::text IS NULL OR c.fields ->> 'country' = $4)
ORDER BY c.contact_id
LIMIT $5 OFFSET $6;

-- name: list_group_contacts
SELECT c.contact_id, c.external_id, c.phone, c.email, c.email_given, c.landline, c.sms_status, c.email_status,
       c.created_at, c.updated_at, c.archived_at, c.fields,
       ARRAY(SELECT d.platform || ':' || d.token FROM device d
             WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id
             ORDER BY d.platform, d.token) AS devices
FROM membership m
JOIN contact c ON c.account_id = m.account_id AND c.audience_id = $2 AND c.contact_id = m.contact_id
-- Said of both sides, so that whichever is walked begins at the place.
WHERE m.account_id = $1 AND m.group_id = $9 AND m.contact_id > $3 AND c.contact_id > $3 AND c.archived_at IS NULL
  AND ($5::timestamptz IS NULL OR c.created_at >= $5) AND ($6::timestamptz IS NULL OR c.created_at < $6)
  AND ($7::timestamptz IS NULL OR c.updated_at >= $7) AND ($8::timestamptz IS NULL OR c.updated_at < $8)
ORDER BY m.contact_id
LIMIT $4;

-- name: group_exists
SELECT EXISTS (SELECT FROM contact_group WHERE account_id = $1 AND audience_id = $2 AND group_id = $3);
