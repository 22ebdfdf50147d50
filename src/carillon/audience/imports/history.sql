-- fragment: columns
import_id, audience_id, source, actor, state, created_at, finished_at, options ->> 'file' AS file,
       CASE WHEN (progress ->> 'rejects')::bigint > 0 THEN options ->> 'rejects' END AS rejects,
       rows, rows_new AS new, rows_updated AS updated, rows_unchanged AS unchanged, rows_failed AS failed, error_count

-- name: list_imports
-- Ids are in the order of their making.
SELECT {columns}
FROM contact_import
WHERE account_id = $1 AND audience_id = $2 AND ($3::uuid IS NULL OR import_id < $3)
ORDER BY import_id DESC
LIMIT $4;

-- name: get_import
SELECT {columns}
FROM contact_import
WHERE account_id = $1 AND import_id = $2;

-- name: import_errors
SELECT errors FROM contact_import WHERE account_id = $1 AND import_id = $2;
