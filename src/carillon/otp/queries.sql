-- name: next_due
SELECT min(o.due_at) FROM otp o WHERE o.account_id = $1;

-- name: find_lost
-- Passwords that can still be verified, and were sent by what is not there.
SELECT o.otp_id, u.sending_id
FROM otp o
CROSS JOIN LATERAL unnest(o.sendings) AS u (sending_id)
WHERE o.account_id = $1 AND o.state = 'pending'
  AND NOT EXISTS (SELECT FROM sending s WHERE s.shard_key = $1 AND s.sending_id = u.sending_id)
LIMIT $2;

-- name: find_kept
SELECT s.sending_id
FROM otp o
CROSS JOIN LATERAL unnest(o.sendings || o.stale) AS u (sending_id)
JOIN sending s ON s.shard_key = $1 AND s.sending_id = u.sending_id
WHERE o.account_id = $1 AND octet_length(s.sealed) > 0
  AND ((o.state = 'verified' AND u.sending_id = ANY (o.sendings)) OR o.expires_at < $2)
LIMIT $3;

-- name: find_strays
-- Sealed codes of class otp that no password knows. Passwords are deleted after their codes are gone.
SELECT s.sending_id
FROM sending s
WHERE s.shard_key = $1 AND s.traffic_class = 1 AND octet_length(s.sealed) > 0
  AND NOT EXISTS (
    SELECT FROM (SELECT unnest(o.sendings || o.stale) AS sending_id FROM otp o WHERE o.account_id = $1) u
    WHERE u.sending_id = s.sending_id
  )
LIMIT $2;
