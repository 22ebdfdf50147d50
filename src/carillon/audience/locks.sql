-- name: lock_audience
-- Nothing where uploads that were accepted before are not written ($3: whether that matters): who comes after them does not
-- wait for the lock too, as that takes a connection.
SELECT name, country, kind, removed_channels
FROM audience
WHERE account_id = $1 AND audience_id = $2 AND kind <> 'stoplist'
  AND NOT ($3 AND EXISTS (SELECT FROM contact_import
                          WHERE account_id = $1 AND audience_id = $2 AND state IN ('pending', 'running') AND file_hash IS NULL))
FOR NO KEY UPDATE;

-- name: last_unwritten
SELECT import_id
FROM contact_import
WHERE account_id = $1 AND audience_id = $2 AND state IN ('pending', 'running') AND file_hash IS NULL
ORDER BY import_id DESC
LIMIT 1;

-- name: are_unwritten
SELECT EXISTS (
    SELECT FROM contact_import
    WHERE account_id = $1 AND audience_id = $2 AND state IN ('pending', 'running') AND file_hash IS NULL AND import_id <= $3
);

-- name: is_stoplist
SELECT kind = 'stoplist' FROM audience WHERE account_id = $1 AND audience_id = $2;

-- name: lock_audience_set
SELECT FROM audience WHERE account_id = $1 AND is_default FOR NO KEY UPDATE;

-- name: lock_audiences
SELECT audience_id, name, country, kind, removed_channels
FROM audience
WHERE account_id = $1
ORDER BY audience_id
FOR NO KEY UPDATE;

-- name: addresses_of
SELECT phone, email FROM contact WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: mark_audience_changed
UPDATE audience SET updated_at = $3 WHERE account_id = $1 AND audience_id = $2;
