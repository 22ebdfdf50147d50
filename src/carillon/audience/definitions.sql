-- name: groups_beside_members
SELECT g.name, g.description
FROM contact_group g
WHERE g.account_id = $1 AND g.audience_id = $2
  AND (g.description <> ''
       OR NOT EXISTS (SELECT FROM membership m WHERE m.account_id = $1 AND m.group_id = g.group_id))
ORDER BY g.number;
