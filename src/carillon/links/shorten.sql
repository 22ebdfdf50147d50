-- name: usable_domains
SELECT d.host FROM link_domain d WHERE d.account_id = $1 AND d.host = ANY ($2::text[]) AND d.verified_at IS NOT NULL;

-- name: known_pages
SELECT p.page_key FROM landing_page p WHERE p.account_id = $1 AND p.page_key = ANY ($2::text[]);

-- name: add_links
INSERT INTO link (shard_key, link_id, sending_id, message_id, name, url, page_key, data, options, domain, expires_at)
SELECT $1, l.link_id, l.sending_id, l.message_id, l.name, l.url, l.page_key, l.data::jsonb, l.options, l.domain, l.expires_at
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::smallint[], $10::text[],
            $11::timestamptz[])
    AS l (link_id, sending_id, message_id, name, url, page_key, data, options, domain, expires_at);
