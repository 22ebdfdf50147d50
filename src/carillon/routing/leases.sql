-- name: held_rows
SELECT carrier_id, slot, holder = $1 AS is_own
FROM carrier_lease
WHERE carrier_id = ANY ($2::bigint[]) AND (holder = $1 OR leased_until BETWEEN $3 AND $4)
ORDER BY carrier_id, slot;

-- name: renew_slots
-- Whoever has taken a slot over is its holder: an own one that ended, and that nobody took, is held again.
UPDATE carrier_lease l SET leased_until = $4
FROM unnest($2::bigint[], $3::integer[]) AS held (carrier_id, slot)
WHERE l.carrier_id = held.carrier_id AND l.slot = held.slot AND l.holder = $1
RETURNING l.carrier_id, l.slot;

-- name: take_slots
-- One that is leased until later than $6 was taken before the clock was set back: it is over.
INSERT INTO carrier_lease (carrier_id, slot, holder, leased_until)
SELECT t.carrier_id, t.slot, $1, $4
FROM unnest($2::bigint[], $3::integer[]) AS t (carrier_id, slot)
ORDER BY t.carrier_id, t.slot
ON CONFLICT (carrier_id, slot) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
WHERE carrier_lease.leased_until NOT BETWEEN $5 AND $6
RETURNING carrier_id, slot;

-- name: release_slots
DELETE FROM carrier_lease l
USING unnest($2::bigint[], $3::integer[]) AS r (carrier_id, slot)
WHERE l.carrier_id = r.carrier_id AND l.slot = r.slot AND l.holder = $1;

-- name: release_all
DELETE FROM carrier_lease WHERE holder = $1;

-- name: release_others
DELETE FROM carrier_lease WHERE holder = $1 AND carrier_id <> ALL ($2::bigint[]);
