-- name: limits_of
SELECT a.clock_offset, l.names, l.values
FROM account a
CROSS JOIN LATERAL (
    SELECT array_agg(l.name ORDER BY l.name) AS names, array_agg(l.value ORDER BY l.name) AS values
    FROM otp_limit l WHERE l.account_id = $1
) l
WHERE a.account_id = $1;

-- name: set_limit
INSERT INTO otp_limit (account_id, name, value) VALUES ($1, $2, $3)
ON CONFLICT (account_id, name) DO UPDATE SET value = excluded.value;

-- name: unset_limit
DELETE FROM otp_limit WHERE account_id = $1 AND name = $2;
