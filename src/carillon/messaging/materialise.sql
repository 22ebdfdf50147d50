-- name: accounts_with_materialisations
-- across accounts: a worker polls for what is due.
SELECT a.account_id
FROM account a
WHERE EXISTS (
    SELECT FROM materialisation m
    WHERE m.account_id = a.account_id AND (m.leased_until IS NULL OR m.leased_until NOT BETWEEN $1 AND $2)
)
ORDER BY a.account_id;

-- name: claim_materialisation
-- The one that had the fewest turns: a large sending holds up no small one.
WITH t AS (
    SELECT clock_offset FROM account WHERE account_id = $1
), k AS MATERIALIZED (
    SELECT m.account_id, m.sending_id
    FROM materialisation m
    WHERE m.account_id = $1 AND (m.leased_until IS NULL OR m.leased_until NOT BETWEEN $2 AND $3)
    ORDER BY m.claims, m.sending_id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE materialisation m
SET claims = m.claims + 1, leased_until = $4
FROM k, t
WHERE m.account_id = $1 AND m.sending_id = k.sending_id
RETURNING m.sending_id, m.audience_id, m.request, m.snapshot_at, m.recipients, m.position, m.claims, t.clock_offset;

-- name: lease_materialisation
UPDATE materialisation SET leased_until = $4 WHERE account_id = $1 AND sending_id = $2 AND claims = $3;

-- name: snapshot_taken
UPDATE materialisation SET snapshot_at = $3, recipients = $4 WHERE account_id = $1 AND sending_id = $2;

-- name: sending
SELECT s.channel, s.traffic_class, s.sender, s.text, s.scheduled_at, s.expires_at, s.per_second,
    (s.options -> 'content')::text AS content, (s.options -> 'fallback')::text AS fallback
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = $2;
