-- name: absent_members
SELECT s.group_id, s.contact_id
FROM unnest($2::bigint[], $3::bigint[]) AS s (group_id, contact_id)
WHERE NOT EXISTS (
    SELECT FROM membership m WHERE m.account_id = $1 AND m.group_id = s.group_id AND m.contact_id = s.contact_id
);

-- name: leave_groups
DELETE FROM membership m
USING unnest($2::bigint[], $3::bigint[]) AS s (group_id, contact_id)
WHERE m.account_id = $1 AND m.group_id = s.group_id AND m.contact_id = s.contact_id;

-- name: join_groups
INSERT INTO membership (account_id, group_id, contact_id)
SELECT $1, s.group_id, s.contact_id
FROM unnest($2::bigint[], $3::bigint[]) AS s (group_id, contact_id)
ON CONFLICT (account_id, group_id, contact_id) DO NOTHING;

-- name: known_groups
SELECT group_id FROM contact_group WHERE account_id = $1 AND audience_id = $2 AND group_id = ANY ($3::bigint[]);

-- name: leave_others
DELETE FROM membership WHERE account_id = $1 AND contact_id = $2 AND group_id <> ALL ($3::bigint[]);
