-- name: keep_audience
SELECT TRUE FROM audience WHERE account_id = $1 AND audience_id = $2 FOR KEY SHARE;

-- name: insert_upload
INSERT INTO contact_import (account_id, import_id, audience_id, source, actor, state, attempts, created_at, finished_at, payload,
                            options, progress, rows, rows_new, rows_updated, rows_unchanged, rows_failed, error_count, errors)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, '{}', $11, $12, $13, $14, $15, $16, $17);
