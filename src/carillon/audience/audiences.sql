-- name: create_audience
INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at, kind, idle_days, attributes)
VALUES ($1, $2, $3, $4, false, $5, $6, $7, $8);

-- name: get_audience
SELECT audience_id, name, country, is_default, created_at, kind, idle_days, attributes
FROM audience
WHERE account_id = $1 AND audience_id = $2;

-- name: list_audiences
SELECT audience_id, name, country, is_default, created_at, kind, idle_days, attributes
FROM audience
WHERE account_id = $1 AND audience_id > $2
ORDER BY audience_id
LIMIT $3;

-- name: count_audiences
SELECT count(*)
FROM audience
WHERE account_id = $1
  AND ($2::text IS NULL OR strpos(lower(name), lower($2::text)) > 0)
  AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)
  AND ($5::text[] IS NULL OR kind = ANY ($5)) AND ($6::boolean IS NULL OR (idle_days IS NOT NULL) = $6);

-- name: page_audiences
SELECT audience_id, name, country, is_default, created_at, kind, idle_days, attributes
FROM audience
WHERE account_id = $1
  AND ($2::text IS NULL OR strpos(lower(name), lower($2::text)) > 0)
  AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)
  AND ($5::text[] IS NULL OR kind = ANY ($5)) AND ($6::boolean IS NULL OR (idle_days IS NOT NULL) = $6)
ORDER BY audience_id
LIMIT $7 OFFSET $8;

-- name: measure_audiences
-- The newest contact has the largest id.
SELECT a.audience_id,
       (SELECT count(*) FROM contact c WHERE c.account_id = a.account_id AND c.audience_id = a.audience_id) AS contacts,
       (SELECT count(*) FROM contact_group g WHERE g.account_id = a.account_id AND g.audience_id = a.audience_id) AS groups,
       (SELECT c.created_at FROM contact c WHERE c.account_id = a.account_id AND c.audience_id = a.audience_id
        ORDER BY c.contact_id DESC LIMIT 1) AS last_added_at
FROM audience a
WHERE a.account_id = $1 AND a.audience_id = ANY ($2::bigint[]);

-- name: describe_audience
UPDATE audience SET attributes = $3 WHERE account_id = $1 AND audience_id = $2;

-- name: is_worked_in
SELECT EXISTS (SELECT FROM credential WHERE account_id = $1 AND audience_id = $2 AND revoked_at IS NULL);

-- name: delete_memberships
DELETE FROM membership m
USING contact_group g
WHERE m.account_id = $1 AND g.account_id = $1 AND g.audience_id = $2 AND m.group_id = g.group_id;

-- name: delete_devices
DELETE FROM device WHERE account_id = $1 AND audience_id = $2;

-- name: delete_contacts
DELETE FROM contact WHERE account_id = $1 AND audience_id = $2;

-- name: delete_groups
DELETE FROM contact_group WHERE account_id = $1 AND audience_id = $2;

-- name: delete_uploads
DELETE FROM contact_import WHERE account_id = $1 AND audience_id = $2;

-- name: delete_audience
-- Its fields and feeds go with it.
DELETE FROM audience WHERE account_id = $1 AND audience_id = $2;
