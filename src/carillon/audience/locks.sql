-- name: lock_audience
SELECT name, country, kind
FROM audience
WHERE account_id = $1 AND audience_id = $2 AND kind <> 'stoplist'
FOR NO KEY UPDATE;

-- name: is_stoplist
SELECT kind = 'stoplist' FROM audience WHERE account_id = $1 AND audience_id = $2;

-- name: lock_audience_set
SELECT FROM audience WHERE account_id = $1 AND is_default FOR NO KEY UPDATE;

-- name: lock_audiences
SELECT audience_id, name, country, kind
FROM audience
WHERE account_id = $1
ORDER BY audience_id
FOR NO KEY UPDATE;

-- name: addresses_of
SELECT phone, email FROM contact WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);
