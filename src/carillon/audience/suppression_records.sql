-- name: records_by_phone
-- Suppressions of the phones of a group's members, archived ones too: a file leaves nobody out of them.
SELECT s.suppression_id, s.channel, s.address, s.created_at, s.source, s.actor, s.reason, s.description
FROM suppression s
JOIN contact c ON c.account_id = $1 AND c.audience_id = $5 AND c.phone = s.address
JOIN membership m ON m.account_id = $1 AND m.group_id = $6 AND m.contact_id = c.contact_id
WHERE s.account_id = $1 AND s.channel = $2 AND s.suppression_id > $3
ORDER BY s.suppression_id
LIMIT $4;

-- name: records_by_email
SELECT s.suppression_id, s.channel, s.address, s.created_at, s.source, s.actor, s.reason, s.description
FROM suppression s
JOIN contact c ON c.account_id = $1 AND c.audience_id = $5 AND c.email = s.address
JOIN membership m ON m.account_id = $1 AND m.group_id = $6 AND m.contact_id = c.contact_id
WHERE s.account_id = $1 AND s.channel = $2 AND s.suppression_id > $3
ORDER BY s.suppression_id
LIMIT $4;
