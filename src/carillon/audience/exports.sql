-- name: see_one_moment
-- All pages of an export are of the same moment, however long they take.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- name: fields_in_use
SELECT DISTINCT k.name
FROM contact c
CROSS JOIN LATERAL jsonb_object_keys(c.fields) AS k (name)
WHERE c.account_id = $1 AND c.audience_id = $2
ORDER BY k.name;

-- name: group_fields_in_use
SELECT DISTINCT k.name
FROM membership m
JOIN contact c ON c.account_id = m.account_id AND c.audience_id = $2 AND c.contact_id = m.contact_id
CROSS JOIN LATERAL jsonb_object_keys(c.fields) AS k (name)
WHERE m.account_id = $1 AND m.group_id = $3
ORDER BY k.name;

-- name: consents_in_use
SELECT DISTINCT k.purpose, k.channel
FROM consent k
WHERE k.account_id = $1 AND k.audience_id = $2
ORDER BY k.purpose, k.channel DESC;

-- name: group_consents_in_use
SELECT DISTINCT k.purpose, k.channel
FROM membership m
JOIN consent k ON k.account_id = m.account_id AND k.audience_id = $2 AND k.contact_id = m.contact_id
WHERE m.account_id = $1 AND m.group_id = $3
ORDER BY k.purpose, k.channel DESC;

-- name: statuses_in_use
-- Which statuses lie under a suppression, or wait for an address, and whether any contact is archived.
SELECT bool_or(sms_status > 3) AS sms, bool_or(email_status > 3) AS email, bool_or(archived_at IS NOT NULL) AS archived
FROM contact
WHERE account_id = $1 AND audience_id = $2;

-- name: any_membership
SELECT EXISTS (
    SELECT FROM contact_group g
    JOIN membership m ON m.account_id = g.account_id AND m.group_id = g.group_id
    WHERE g.account_id = $1 AND g.audience_id = $2
);

-- name: any_device
SELECT EXISTS (SELECT FROM device d WHERE d.account_id = $1 AND d.audience_id = $2);
