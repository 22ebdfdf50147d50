-- name: load_routing
-- All of it as one text: what is the same text as before needs not be read again.
SELECT jsonb_build_object(
    'is_sandbox', a.sandbox,
    'carriers', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'account_id', c.account_id, 'carrier_id', c.carrier_id, 'name', c.name, 'kind', c.kind, 'state', c.state,
            'per_second', c.per_second) ORDER BY c.carrier_id), '[]')
        FROM carrier c
        WHERE (c.account_id = $1 OR c.account_id = 0) AND c.channel = $2 AND c.state <> 'deleted'),
    'routes', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'account_id', r.account_id, 'route_id', r.route_id, 'prefix', r.prefix, 'sender', r.sender,
            'traffic_class', r.traffic_class, 'carriers', r.carriers) ORDER BY r.route_id), '[]')
        FROM route r
        WHERE (r.account_id = $1 OR r.account_id = 0) AND r.channel = $2)
)::text
FROM account a
WHERE a.account_id = $1;
