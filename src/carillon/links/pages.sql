-- name: save_page
INSERT INTO landing_page (account_id, page_key, template, created_at, updated_at)
VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (account_id, page_key) DO UPDATE SET template = excluded.template, updated_at = excluded.updated_at;

-- name: list_pages
SELECT p.page_key, length(p.template) AS characters, p.created_at, p.updated_at
FROM landing_page p
WHERE p.account_id = $1
ORDER BY p.page_key;

-- name: get_template
SELECT p.template FROM landing_page p WHERE p.account_id = $1 AND p.page_key = $2;

-- name: remove_page
DELETE FROM landing_page WHERE account_id = $1 AND page_key = $2 RETURNING page_key;
