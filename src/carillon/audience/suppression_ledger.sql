-- name: address_history
SELECT entry_id, channel, address, action, at, source, actor, reason
FROM suppression_entry
WHERE account_id = $1 AND channel = $2 AND address = $3
ORDER BY at DESC, entry_id DESC
LIMIT 1000;

-- name: list_entries
SELECT entry_id, channel, address, action, at, source, actor, reason
FROM suppression_entry
WHERE account_id = $1 AND entry_id > $2
  AND channel = ANY ($4::text[]) AND ($5::text IS NULL OR action = $5)
  AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
ORDER BY entry_id
LIMIT $3;
