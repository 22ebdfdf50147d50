-- name: record_entries
INSERT INTO audit_entry (account_id, entry_id, at, source, actor, action, subject, detail)
SELECT $1, e.entry_id, $2, $3, $4, $5, e.subject, e.detail::jsonb
FROM unnest($6::uuid[], $7::text[], $8::text[]) AS e (entry_id, subject, detail);

-- name: list_entries
SELECT entry_id, at, source, actor, action, subject, detail
FROM audit_entry
WHERE account_id = $1 AND ($2::uuid IS NULL OR entry_id < $2)
ORDER BY entry_id DESC
LIMIT $3;
