-- name: hold_account
SELECT account_id FROM account WHERE account_id = $1 FOR UPDATE;

-- name: status
SELECT status FROM account WHERE account_id = $1;

-- name: contents
SELECT
    (SELECT count(*) FROM audience WHERE account_id = $1) AS audiences,
    (SELECT count(*) FROM contact WHERE account_id = $1) AS contacts,
    (SELECT count(*) FROM suppression WHERE account_id = $1) AS suppressions,
    (SELECT count(*) FROM credential WHERE account_id = $1 AND revoked_at IS NULL) AS credentials,
    (SELECT count(*) FROM sending WHERE shard_key = $1) AS sendings;

-- name: unsent
-- Messages that are in a chunk, and recipients that are still to be written.
SELECT
    (SELECT coalesce(sum(cardinality(message_ids)), 0) FROM chunk WHERE account_id = $1)
    + (SELECT coalesce(sum(greatest(recipients - position, 1)), 0) FROM materialisation WHERE account_id = $1);

-- name: forget_sendings
-- The sweep finds none of them, and their days are dropped.
UPDATE sending SET sweep_at = NULL WHERE shard_key = $1 AND sweep_at IS NOT NULL;

-- name: skip_callbacks
UPDATE callback SET state = 'skipped', ended_at = $2 WHERE shard_key = $1 AND state IN ('waiting', 'failed');

-- name: retire_carriers
-- The row stays, as messages name it.
UPDATE carrier SET state = 'deleted', sealed_secret = NULL, options = '{}', url = ''
WHERE account_id = $1;
