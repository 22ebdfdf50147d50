-- name: keep_audience
SELECT TRUE FROM audience WHERE account_id = $1 AND audience_id = $2 FOR KEY SHARE;

-- name: insert_upload
INSERT INTO contact_import (account_id, import_id, audience_id, source, actor, state, attempts, created_at, finished_at, payload,
                            options, progress, rows, rows_new, rows_updated, rows_unchanged, rows_failed, error_count, errors)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, '{}', $11, $12, $13, $14, $15, $16, $17);

-- name: find_upload
SELECT state, rows, rows_new, rows_updated, rows_unchanged, rows_failed, error_count, errors
FROM contact_import
WHERE account_id = $1 AND audience_id = $2 AND import_id = $3 AND file_hash IS NULL;

-- name: accounts_with_uploads
-- across accounts: a worker looks for what is due; the partial index holds only what is unfinished.
SELECT DISTINCT account_id
FROM contact_import
WHERE state IN ('pending', 'running') AND file_hash IS NULL AND (leased_until IS NULL OR leased_until < $1)
ORDER BY account_id;

-- name: lock_claims
-- One claim an account at a time: the next one sees what this one has leased.
SELECT TRUE FROM account WHERE account_id = $1 FOR NO KEY UPDATE SKIP LOCKED;

-- name: renew_leases
-- The one that is being written is locked, and nobody can take it over: the others don't wait for it.
WITH k AS MATERIALIZED (
    SELECT import_id FROM contact_import
    WHERE account_id = $1 AND import_id = ANY ($2::uuid[]) AND state = 'running'
    FOR UPDATE SKIP LOCKED
)
UPDATE contact_import i SET leased_until = $3 FROM k WHERE i.account_id = $1 AND i.import_id = k.import_id;

-- name: claim_uploads
-- Nothing while an earlier upload of the account is in somebody's hands or waits for its next attempt: the order of arrival
-- is kept.
WITH k AS MATERIALIZED (
    SELECT account_id, import_id
    FROM contact_import
    WHERE account_id = $1 AND state IN ('pending', 'running') AND file_hash IS NULL
      AND NOT EXISTS (SELECT FROM contact_import busy
                      WHERE busy.account_id = $1 AND busy.state IN ('pending', 'running') AND busy.file_hash IS NULL
                        AND busy.leased_until >= $2)
    ORDER BY import_id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE contact_import i
SET state = 'running', attempts = i.attempts + 1, leased_until = $3
FROM k, audience a, account t
WHERE t.account_id = $1 AND i.account_id = $1 AND i.account_id = k.account_id AND i.import_id = k.import_id
  AND a.account_id = i.account_id AND a.audience_id = i.audience_id
RETURNING i.account_id, i.import_id, i.audience_id, i.attempts, i.actor, i.source, i.payload, a.country,
    t.clock_offset, i.options -> 'consent_fields' AS consent_fields;

-- name: hold_upload
SELECT TRUE FROM contact_import
WHERE account_id = $1 AND import_id = $2 AND state = 'running' AND attempts = $3
FOR UPDATE;

-- name: finish_upload
UPDATE contact_import
SET state = $3, finished_at = $4, leased_until = NULL, payload = NULL, rows = $5, rows_new = $6, rows_updated = $7,
    rows_unchanged = $8, rows_failed = $9, error_count = $10, errors = $11
WHERE account_id = $1 AND import_id = $2;

-- name: reschedule_upload
-- $5 is what the attempt counts for: 1, or 0 when the database was at fault and not the upload.
UPDATE contact_import SET state = 'pending', leased_until = $4, attempts = attempts - 1 + $5
WHERE account_id = $1 AND import_id = $2 AND state = 'running' AND attempts = $3;

-- name: fail_upload
-- The payload stays, so that nothing that was accepted is gone.
UPDATE contact_import SET state = 'failed', leased_until = NULL, finished_at = $4, rows_failed = rows,
    error_count = 1, errors = $5
WHERE account_id = $1 AND import_id = $2 AND state = 'running' AND attempts = $3;

-- name: release_upload
UPDATE contact_import SET state = 'pending', leased_until = NULL, attempts = attempts - 1
WHERE account_id = $1 AND import_id = $2 AND state = 'running' AND attempts = $3;

-- name: retry_upload
UPDATE contact_import SET state = 'pending', attempts = 0, finished_at = NULL, rows_failed = 0, error_count = 0, errors = '[]'
WHERE account_id = $1 AND import_id = $2 AND state = 'failed'
RETURNING import_id;

-- name: failed_uploads
SELECT import_id, audience_id, created_at, finished_at, rows
FROM contact_import
WHERE account_id = $1 AND state = 'failed' AND file_hash IS NULL
ORDER BY import_id
LIMIT 1000;

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
