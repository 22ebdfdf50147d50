-- name: devices_of
SELECT contact_id, platform, token, application
FROM device
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: owners_of_tokens
SELECT contact_id FROM device WHERE account_id = $1 AND audience_id = $2 AND token = ANY ($3::text[]);

-- name: replace_devices
DELETE FROM device d
USING unnest($3::bigint[], $4::text[], $5::text[], $6::text[]) AS s (contact_id, platform, application, token)
WHERE d.account_id = $1 AND d.audience_id = $2
  AND (d.token = s.token
       OR (d.contact_id = s.contact_id AND d.platform = s.platform AND d.application IS NOT DISTINCT FROM s.application));

-- name: add_devices
INSERT INTO device (account_id, audience_id, token, contact_id, platform, application, updated_at)
SELECT $1, $2, s.token, s.contact_id, s.platform, s.application, $7
FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[]) AS s (contact_id, platform, application, token);
