-- name: move_position
UPDATE materialisation SET position = $3 WHERE account_id = $1 AND sending_id = $2;

-- name: end_materialisation
DELETE FROM materialisation WHERE account_id = $1 AND sending_id = $2;

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
