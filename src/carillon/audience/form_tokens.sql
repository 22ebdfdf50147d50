-- name: find_form_tokens
SELECT contact_id, profile, unsubscribe
FROM form_token
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: make_form_tokens
-- A contact that is gone gets none, and one that has some keeps them. Whoever deletes one waits, and deletes its tokens then;
-- other writers go on.
INSERT INTO form_token (account_id, audience_id, contact_id, profile, unsubscribe)
SELECT $1, $2, s.contact_id, s.profile, s.unsubscribe
FROM unnest($3::bigint[], $4::text[], $5::text[]) AS s (contact_id, profile, unsubscribe)
JOIN contact c ON c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = s.contact_id
ORDER BY s.contact_id
FOR KEY SHARE OF c
ON CONFLICT (account_id, audience_id, contact_id) DO NOTHING;
