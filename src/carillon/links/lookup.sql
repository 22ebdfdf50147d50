-- name: find_links
-- Of one account and day: the bounds ($3, $4) leave one partition.
SELECT l.link_id, l.sending_id, l.message_id, l.name, l.url, l.page_key, l.data, l.options, l.domain, l.expires_at, a.clock_offset
FROM link l
JOIN account a ON a.account_id = $1
WHERE l.shard_key = $1 AND l.link_id = ANY ($2::uuid[]) AND l.link_id BETWEEN $3 AND $4;

-- name: last_account
-- across accounts: codes of accounts that there can't be are looked for nowhere.
SELECT coalesce(max(a.account_id), 0)::bigint AS last FROM account a;
