-- name: record_entry
INSERT INTO audit_entry (account_id, entry_id, at, source, actor, action, subject, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb);

-- name: list_entries
SELECT entry_id, at, source, actor, action, subject, detail
FROM audit_entry
WHERE account_id = $1 AND ($2::uuid IS NULL OR entry_id < $2)
ORDER BY entry_id DESC
LIMIT $3;
