-- name: named_carriers
-- Of two by one name the account's own. They are locked until the route is committed: nobody deletes them meanwhile.
SELECT account_id, carrier_id, name, name_key, channel, state
FROM carrier
WHERE (account_id = $1 OR account_id = 0) AND state <> 'deleted'
  AND (name_key = ANY ($2::text[]) OR carrier_id = ANY ($3::bigint[]))
ORDER BY account_id
FOR SHARE;

-- name: find_same
SELECT route_id
FROM route
WHERE account_id = $1 AND channel = $2 AND prefix = $3 AND sender IS NOT DISTINCT FROM $4
  AND traffic_class IS NOT DISTINCT FROM $5;

-- name: add_route
INSERT INTO route (account_id, route_id, channel, prefix, sender, traffic_class, carriers, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: list_routes
-- across accounts: without an account ($1) the installation's operator sees all of them.
SELECT r.account_id, r.route_id, r.channel, r.prefix, r.sender, r.traffic_class, r.created_at,
    array(SELECT c.name FROM unnest(r.carriers) WITH ORDINALITY AS n (carrier_id, place)
          JOIN carrier c ON c.carrier_id = n.carrier_id AND c.account_id IN (r.account_id, 0)
          ORDER BY n.place) AS carriers
FROM route r
WHERE $1::bigint IS NULL OR r.account_id = $1 OR r.account_id = 0
ORDER BY r.account_id, r.channel, r.route_id;

-- name: delete_route
-- across accounts: without an account ($1) the installation's operator reaches all of them.
DELETE FROM route WHERE ($1::bigint IS NULL OR account_id = $1) AND route_id = $2 RETURNING account_id, channel;
