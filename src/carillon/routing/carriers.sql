-- fragment: columns
account_id, carrier_id, name, kind, channel, url, options, sealed_secret IS NOT NULL AS has_secret, per_second, state, created_at

-- name: create_carrier
INSERT INTO carrier (account_id, carrier_id, name, name_key, kind, channel, url, options, sealed_secret, per_second, state,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'active', $11)
ON CONFLICT (account_id, name_key) WHERE state <> 'deleted' DO NOTHING
RETURNING carrier_id;

-- name: list_carriers
-- across accounts: without an account ($1) the installation's operator sees all of them.
SELECT {columns}
FROM carrier
WHERE ($1::bigint IS NULL OR account_id = $1 OR account_id = 0) AND state <> 'deleted'
ORDER BY account_id, carrier_id;

-- name: find_by_name
-- The account's own before everybody's.
SELECT {columns}
FROM carrier
WHERE (account_id = $1 OR account_id = 0) AND name_key = $2 AND state <> 'deleted'
ORDER BY account_id DESC
LIMIT 1;

-- name: find_by_id
-- across accounts: without an account ($1) the installation's operator reaches all of them.
SELECT {columns}
FROM carrier
WHERE ($1::bigint IS NULL OR account_id = $1 OR account_id = 0) AND carrier_id = $2 AND state <> 'deleted';

-- name: lock_carrier
SELECT state FROM carrier WHERE account_id = $1 AND carrier_id = $2 FOR NO KEY UPDATE;

-- name: set_state
UPDATE carrier SET state = $3 WHERE account_id = $1 AND carrier_id = $2;

-- name: routes_with_carrier
-- across accounts: routes of every account may name a carrier of everybody's.
SELECT route_id FROM route WHERE $1 = ANY (carriers) ORDER BY route_id LIMIT 10;

-- name: sealed_secret
SELECT sealed_secret FROM carrier WHERE account_id = $1 AND carrier_id = $2;

-- name: resting_carriers
-- across accounts: those that no process runs.
SELECT carrier_id FROM carrier WHERE state <> 'active' ORDER BY carrier_id;

-- name: carriers_to_run
-- across accounts: a process runs the carriers of all.
SELECT {columns}, sealed_secret FROM carrier WHERE state = 'active' ORDER BY carrier_id;

-- name: http_options
-- across accounts: a provider's token names its carrier.
SELECT options::text FROM carrier WHERE carrier_id = $1 AND kind = 'http' AND state <> 'deleted';
