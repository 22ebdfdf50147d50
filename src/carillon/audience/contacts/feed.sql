-- name: open_feed
-- Its row is the lock: two calls at once read one after the other.
INSERT INTO contact_feed (account_id, audience_id, credential_id, last_contact_id)
SELECT account_id, audience_id, $3, 0 FROM audience WHERE account_id = $1 AND audience_id = $2 FOR KEY SHARE
ON CONFLICT (account_id, audience_id, credential_id) DO UPDATE SET last_contact_id = contact_feed.last_contact_id
RETURNING last_contact_id;

-- name: move_feed
UPDATE contact_feed SET last_contact_id = $4 WHERE account_id = $1 AND audience_id = $2 AND credential_id = $3;
