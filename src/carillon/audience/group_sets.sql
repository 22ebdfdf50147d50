-- name: create_group_set
-- Numbers count up within the audience, whose lock the caller holds.
INSERT INTO group_set (account_id, audience_id, group_set_id, number, name, selection, attributes, created_at, updated_at)
SELECT $1, $2, $3, coalesce(max(s.number), 0) + 1, $4, $5, $6::jsonb, $7::timestamptz, $7::timestamptz
FROM group_set s
WHERE s.account_id = $1 AND s.audience_id = $2;

-- name: count_group_sets
SELECT count(*) FROM group_set WHERE account_id = $1 AND audience_id = $2;

-- name: find_group_set
SELECT name, attributes FROM group_set WHERE account_id = $1 AND audience_id = $2 AND group_set_id = $3;

-- name: change_group_set
UPDATE group_set
SET name = coalesce($4, name), selection = coalesce($5, selection), attributes = $6::jsonb, updated_at = $7
WHERE account_id = $1 AND audience_id = $2 AND group_set_id = $3;

-- name: groups_of_set
-- Those of no set for NULL.
SELECT group_id
FROM contact_group
WHERE account_id = $1 AND audience_id = $2 AND group_set_id IS NOT DISTINCT FROM $3::uuid
ORDER BY number;

-- name: put_into_set
UPDATE contact_group g
SET group_set_id = $3, attributes = s.attributes
FROM unnest($4::bigint[], $5::text[]::jsonb[]) AS s (group_id, attributes)
WHERE g.account_id = $1 AND g.audience_id = $2 AND g.group_id = s.group_id;

-- name: delete_group_set
DELETE FROM group_set WHERE account_id = $1 AND audience_id = $2 AND group_set_id = $3;
