-- name: find_upload
SELECT state, rows, rows_new, rows_updated, rows_unchanged, rows_failed, error_count, errors
FROM contact_import
WHERE account_id = $1 AND audience_id = $2 AND import_id = $3 AND file_hash IS NULL;

-- name: failed_uploads
SELECT import_id, audience_id, created_at, finished_at, rows
FROM contact_import
WHERE account_id = $1 AND state = 'failed' AND file_hash IS NULL
ORDER BY import_id
LIMIT 1000;

-- name: retry_upload
UPDATE contact_import SET state = 'pending', attempts = 0, finished_at = NULL, rows_failed = 0, error_count = 0, errors = '[]'
WHERE account_id = $1 AND import_id = $2 AND state = 'failed'
RETURNING import_id;

-- name: delete_old_reports
-- The ids are in the order of their making: what is old is the key's beginning.
WITH k AS MATERIALIZED (
    SELECT import_id
    FROM contact_import
    WHERE account_id = $1 AND import_id < $2 AND state = 'done' AND file_hash IS NULL
    ORDER BY import_id
    LIMIT $3
)
DELETE FROM contact_import i USING k WHERE i.account_id = $1 AND i.import_id = k.import_id
RETURNING i.import_id;
