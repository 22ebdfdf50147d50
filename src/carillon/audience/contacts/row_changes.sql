-- name: memberships_of
SELECT group_id, contact_id FROM membership WHERE account_id = $1 AND contact_id = ANY ($2::bigint[]);
