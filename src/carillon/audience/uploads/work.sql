-- name: hold_upload
SELECT options -> 'unsubscribed' AS unsubscribed FROM contact_import
WHERE account_id = $1 AND import_id = $2 AND state = 'running' AND attempts = $3
FOR UPDATE;

-- name: finish_upload
UPDATE contact_import
SET state = 'done', finished_at = $3, leased_until = NULL, payload = NULL, options = options - 'unsubscribed', rows = $4, rows_new = $5, rows_updated = $6,
    rows_unchanged = $7, rows_failed = $8, error_count = $9, errors = $10
WHERE account_id = $1 AND import_id = $2;
