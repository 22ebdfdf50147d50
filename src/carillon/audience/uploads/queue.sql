-- name: accounts_with_uploads
-- across accounts: a worker polls for what is due; the partial index holds only what is unfinished.
SELECT DISTINCT account_id
FROM contact_import
WHERE state IN ('pending', 'running') AND file_hash IS NULL
  AND (leased_until IS NULL OR leased_until NOT BETWEEN $1 AND $2)
ORDER BY account_id;

-- name: lock_oldest
-- Nothing while an upload of the account is held, or waits for its next attempt; and nothing where another claim has locked it.
-- Here and below: no lease ends after the latest moment ($3) but one that was taken before the clock was set back.
SELECT TRUE
FROM contact_import
WHERE account_id = $1 AND state IN ('pending', 'running')
  AND import_id = (SELECT import_id
                   FROM contact_import
                   WHERE account_id = $1 AND state IN ('pending', 'running') AND file_hash IS NULL
                   ORDER BY import_id
                   LIMIT 1)
  AND NOT EXISTS (SELECT FROM contact_import
                  WHERE account_id = $1 AND state IN ('pending', 'running') AND file_hash IS NULL
                    AND leased_until BETWEEN $2 AND $3)
FOR UPDATE SKIP LOCKED;

-- name: claim_uploads
-- The row's own lease is looked at too, as that is what is compared again when the row has changed since the snapshot.
WITH k AS MATERIALIZED (
    SELECT account_id, import_id, leased_until
    FROM contact_import
    WHERE account_id = $1 AND state IN ('pending', 'running') AND file_hash IS NULL
      AND (leased_until IS NULL OR leased_until NOT BETWEEN $2 AND $5)
      AND NOT EXISTS (SELECT FROM contact_import busy
                      WHERE busy.account_id = $1 AND busy.state IN ('pending', 'running') AND busy.file_hash IS NULL
                        AND busy.leased_until BETWEEN $2 AND $5)
    ORDER BY import_id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE contact_import i
SET state = 'running', attempts = i.attempts + 1, leased_until = $3
FROM k, audience a, account t
WHERE t.account_id = $1 AND i.account_id = $1 AND i.account_id = k.account_id AND i.import_id = k.import_id
  AND a.account_id = i.account_id AND a.audience_id = i.audience_id
RETURNING i.account_id, i.import_id, i.audience_id, i.attempts, i.actor, i.source, i.payload, i.created_at,
    k.leased_until AS leased_before, a.country, t.clock_offset, i.options -> 'consent_fields' AS consent_fields;

-- name: is_contested
-- Whether a claim, whose last upload is $4, stands beside another one, or leaves an older upload out.
SELECT EXISTS (
    SELECT FROM contact_import
    WHERE account_id = $1 AND state IN ('pending', 'running') AND file_hash IS NULL AND import_id <> ALL ($2::uuid[])
      AND (leased_until BETWEEN $3 AND $5 OR import_id < $4)
);

-- name: renew_leases
-- The one that is being written is locked, and nothing can take it over: the others don't wait for it.
WITH k AS MATERIALIZED (
    SELECT i.import_id
    FROM contact_import i
    JOIN unnest($2::uuid[], $3::integer[]) AS held (import_id, attempts) USING (import_id, attempts)
    WHERE i.account_id = $1 AND i.state = 'running'
    FOR UPDATE OF i SKIP LOCKED
)
UPDATE contact_import i SET leased_until = $4 FROM k WHERE i.account_id = $1 AND i.import_id = k.import_id;

-- name: release_uploads
UPDATE contact_import i
SET state = 'pending', leased_until = NULL, attempts = i.attempts - 1
FROM unnest($2::uuid[], $3::integer[]) AS held (import_id, attempts)
WHERE i.account_id = $1 AND i.import_id = held.import_id AND i.state = 'running' AND i.attempts = held.attempts;

-- name: reschedule_upload
-- $5 is what the attempt counts for: 1, or 0 when the database was at fault and not the upload.
UPDATE contact_import SET state = 'pending', leased_until = $4, attempts = attempts - 1 + $5
WHERE account_id = $1 AND import_id = $2 AND state = 'running' AND attempts = $3;

-- name: fail_upload
-- The payload stays, so that nothing that was accepted is gone.
UPDATE contact_import SET state = 'failed', leased_until = NULL, finished_at = $4, rows_failed = rows,
    error_count = 1, errors = $5
WHERE account_id = $1 AND import_id = $2 AND state = 'running' AND attempts = $3;
