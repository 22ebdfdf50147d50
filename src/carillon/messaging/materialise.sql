-- name: add_materialisation
INSERT INTO materialisation (account_id, sending_id, audience_id, request, snapshot_at, recipients, position, claims)
VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, 0, 0);

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

-- name: hold_materialisation
SELECT m.position, m.recipients FROM materialisation m
WHERE m.account_id = $1 AND m.sending_id = $2 AND m.claims = $3
FOR UPDATE;

-- name: snapshot_taken
UPDATE materialisation SET snapshot_at = $3, recipients = $4 WHERE account_id = $1 AND sending_id = $2;

-- name: move_position
UPDATE materialisation SET position = $3 WHERE account_id = $1 AND sending_id = $2;

-- name: end_materialisation
DELETE FROM materialisation WHERE account_id = $1 AND sending_id = $2;

-- name: sending
SELECT s.channel, s.traffic_class, s.sender, s.text, s.scheduled_at, s.expires_at, s.per_second,
    (s.options -> 'content')::text AS content, (s.options -> 'fallback')::text AS fallback
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = $2;

-- fragment: sending_of_slice
SELECT s.state, s.campaign_id, s.endpoint_id, s.scheduled_at, s.created_at, s.expires_at, s.recipients, s.excluded
FROM sending s

-- name: see_sending
-- Nothing where another process has it, or has had it and has written the slice.
{sending_of_slice}
JOIN materialisation p ON p.account_id = $1 AND p.sending_id = s.sending_id
WHERE s.shard_key = $1 AND s.sending_id = $2 AND p.claims = $3 AND p.position <= $4;

-- name: lock_sending
{sending_of_slice}
WHERE s.shard_key = $1 AND s.sending_id = $2
FOR NO KEY UPDATE;

-- name: slice
SELECT r.message_id, r.contact_id, r.address, r.values, r.links, r.custom, r.reason, r.guid
FROM recipient r
WHERE r.shard_key = $1 AND r.sending_id = $2 AND r.position > $3 AND r.position <= $4
ORDER BY r.position;

-- fragment: is_over
s.waiting + $5 + s.submitted + s.uncertain = 0 AND $8

-- name: count_slice
-- $8: there are no more.
UPDATE sending s
SET recipients = s.recipients + $3,
    excluded = s.excluded + $4,
    waiting = s.waiting + $5,
    parts = s.parts + $6,
    reserved = s.reserved + $7,
    state = CASE WHEN s.state <> 'materialising' OR NOT $8 THEN s.state
                 WHEN {is_over} THEN 'finished'
                 ELSE 'active' END,
    finished_at = CASE WHEN {is_over} THEN coalesce(s.finished_at, $9) ELSE s.finished_at END,
    sweep_at = CASE WHEN NOT ({is_over}) THEN s.sweep_at END
WHERE s.shard_key = $1 AND s.sending_id = $2;
