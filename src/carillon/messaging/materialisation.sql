-- name: add_materialisation
INSERT INTO materialisation (account_id, sending_id, audience_id, request, snapshot_at, recipients, position, claims)
VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, 0, 0);

-- name: hold_materialisation
SELECT m.position, m.recipients FROM materialisation m
WHERE m.account_id = $1 AND m.sending_id = $2 AND m.claims = $3
FOR UPDATE;
