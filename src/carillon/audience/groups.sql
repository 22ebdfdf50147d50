-- fragment: columns
group_id, number, name, description, kind, created_at, updated_at,
       members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios

-- name: create_groups
-- Numbers count up within the audience, whose lock the caller holds.
WITH counted AS (
    UPDATE audience SET groups_made = groups_made + cardinality($3::bigint[])
    WHERE account_id = $1 AND audience_id = $2
    RETURNING groups_made - cardinality($3::bigint[]) AS before
)
INSERT INTO contact_group (account_id, audience_id, group_id, number, name, name_key, description, kind, created_at, updated_at,
                           members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios)
SELECT $1, $2, g.group_id, counted.before + g.place, g.name, g.name_key, $6, 'static', $7::timestamptz, $7::timestamptz,
       0, 0, 0, 0, 0, 0
FROM unnest($3::bigint[], $4::text[], $5::text[]) WITH ORDINALITY AS g (group_id, name, name_key, place), counted;

-- name: rename_group
UPDATE contact_group
SET name = $4, name_key = $5, description = coalesce($6, description), updated_at = $7
WHERE account_id = $1 AND audience_id = $2 AND group_id = $3;

-- name: find_groups_by_id
SELECT {columns}
FROM contact_group
WHERE account_id = $1 AND audience_id = $2 AND group_id = $3;

-- name: find_groups_by_ids
SELECT {columns}
FROM contact_group
WHERE account_id = $1 AND audience_id = $2 AND group_id = ANY ($3::bigint[])
ORDER BY group_id;

-- name: find_groups_by_number
SELECT {columns}
FROM contact_group
WHERE account_id = $1 AND audience_id = $2 AND number = $3;

-- name: find_groups_by_name
SELECT {columns}
FROM contact_group
WHERE account_id = $1 AND audience_id = $2 AND name_key = $3
ORDER BY group_id;

-- name: list_groups
SELECT {columns}
FROM contact_group
WHERE account_id = $1 AND audience_id = $2 AND group_id > $3
  AND ($5::timestamptz IS NULL OR created_at >= $5) AND ($6::timestamptz IS NULL OR created_at < $6)
  AND ($7::text IS NULL OR kind = $7)
ORDER BY group_id
LIMIT $4;

-- name: count_groups
SELECT count(*) FROM contact_group WHERE account_id = $1 AND audience_id = $2;

-- name: page_groups
SELECT {columns}
FROM contact_group
WHERE account_id = $1 AND audience_id = $2
ORDER BY group_id
LIMIT $3 OFFSET $4;

-- name: group_ids_by_name
SELECT DISTINCT ON (name_key) name_key, group_id
FROM contact_group
WHERE account_id = $1 AND audience_id = $2 AND name_key = ANY ($3::text[])
ORDER BY name_key, group_id;

-- name: some_members
-- An archived contact stays: for the APIs that delete a group's contacts it doesn't exist.
SELECT m.contact_id
FROM membership m
JOIN contact c ON c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = m.contact_id AND c.archived_at IS NULL
WHERE m.account_id = $1 AND m.group_id = $3 AND m.contact_id > $4
ORDER BY m.contact_id
LIMIT $5;

-- name: delete_group_memberships
DELETE FROM membership WHERE account_id = $1 AND group_id = ANY ($2::bigint[]);

-- name: delete_groups
DELETE FROM contact_group WHERE account_id = $1 AND audience_id = $2 AND group_id = ANY ($3::bigint[]);
