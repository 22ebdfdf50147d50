-- name: find_import
SELECT import_id, state, progress, created_at, options ->> 'rejects' AS rejects
FROM contact_import
WHERE account_id = $1 AND audience_id = $2 AND file_hash = $3;

-- name: find_import_to_begin
SELECT import_id, state, progress, created_at, options ->> 'rejects' AS rejects
FROM contact_import
WHERE account_id = $1 AND audience_id = $2 AND file_hash = $3
FOR UPDATE;

-- name: start_import
INSERT INTO contact_import (account_id, import_id, audience_id, source, actor, state, attempts, created_at, options, file_hash,
                            progress, rows, rows_new, rows_updated, rows_unchanged, rows_failed, error_count, errors)
VALUES ($1, $2, $3, $4, $5, 'running', 1, $6, $7, $8, $9, 0, 0, 0, 0, 0, 0, '[]')
ON CONFLICT (account_id, audience_id, file_hash) WHERE file_hash IS NOT NULL DO NOTHING
RETURNING import_id;

-- name: retire_import
-- Its report stays, while the file may be imported again.
UPDATE contact_import
SET file_hash = file_hash || ':' || import_id::text,
    state = CASE WHEN state = 'done' THEN state ELSE 'failed' END, finished_at = coalesce(finished_at, $3)
WHERE account_id = $1 AND import_id = $2;

-- name: take_over_import
UPDATE contact_import SET progress = $3, attempts = attempts + 1 WHERE account_id = $1 AND import_id = $2;

-- name: keep_rejects_path
UPDATE contact_import SET options = options || jsonb_build_object('rejects', $3::text) WHERE account_id = $1 AND import_id = $2;

-- name: hold_import
SELECT state, progress, error_count
FROM contact_import
WHERE account_id = $1 AND import_id = $2
FOR UPDATE;

-- name: commit_lazily
-- A chunk and its place in the file are kept together or lost together, whatever happens to the machine; the import's end
-- is committed durably, and with it every chunk before it.
SELECT set_config('synchronous_commit', 'off', TRUE);

-- name: advance_import
UPDATE contact_import
SET progress = $3, rows = rows + $4, rows_new = rows_new + $5, rows_updated = rows_updated + $6,
    rows_unchanged = rows_unchanged + $7, rows_failed = rows_failed + $8, error_count = error_count + $9,
    errors = CASE WHEN $10::jsonb = '[]' THEN errors ELSE errors || $10::jsonb END
WHERE account_id = $1 AND import_id = $2;

-- name: finish_import
UPDATE contact_import SET state = 'done', finished_at = $3, progress = $4 WHERE account_id = $1 AND import_id = $2;

-- name: import_report
SELECT state, progress, rows, rows_new, rows_updated, rows_unchanged, rows_failed, error_count
FROM contact_import
WHERE account_id = $1 AND import_id = $2;
