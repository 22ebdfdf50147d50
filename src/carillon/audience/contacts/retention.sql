-- name: swept_audiences
SELECT audience_id, idle_days FROM audience WHERE account_id = $1 AND idle_days IS NOT NULL ORDER BY audience_id;

-- name: idle_contacts
SELECT c.contact_id
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id > $6
  AND ((c.updated_at < $3 AND NOT EXISTS (
            SELECT FROM device d
            WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id
              AND d.updated_at >= $3))
       OR (c.phone IS NULL AND c.email IS NULL AND c.landline IS NULL AND NOT c.fields ?| $4::text[] AND NOT EXISTS (
            SELECT FROM device d
            WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id)))
ORDER BY c.contact_id
LIMIT $5;
