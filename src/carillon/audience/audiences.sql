-- name: create_audience
INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at, updated_at, attributes)
VALUES ($1, $2, $3, $4, false, $5, $5, $6::jsonb);

-- name: get_audience
SELECT audience_id, name, country, is_default, created_at, coalesce(updated_at, created_at) AS updated_at, attributes
FROM audience
WHERE account_id = $1 AND audience_id = $2;

-- name: list_audiences
SELECT audience_id, name, country, is_default, created_at, coalesce(updated_at, created_at) AS updated_at, attributes
FROM audience
WHERE account_id = $1 AND audience_id > $2
ORDER BY audience_id
LIMIT $3;

-- name: count_audiences
SELECT count(*) FROM audience WHERE account_id = $1;

-- name: page_audiences
-- An order comes in where it says so.
SELECT a.audience_id, a.name, a.country, a.is_default, a.created_at, coalesce(a.updated_at, a.created_at) AS updated_at,
       a.attributes
FROM audience a
WHERE a.account_id = $1
ORDER BY /* order */ a.audience_id
LIMIT $2 OFFSET $3;

-- name: change_audience
-- NULL leaves a name, a country or the attributes as they are; attributes are replaced key by key.
UPDATE audience
SET name = coalesce($3, name), country = coalesce($4, country), attributes = attributes || coalesce($5::jsonb, '{}'),
    updated_at = $6
WHERE account_id = $1 AND audience_id = $2;

-- name: audience_counts
SELECT a.audience_id,
       c.contacts, c.reachable_sms, c.reachable_email,
       EXISTS (SELECT FROM contact_import i
               WHERE i.account_id = a.account_id AND i.audience_id = a.audience_id
                 AND i.state IN ('pending', 'running')) AS importing,
       coalesce((SELECT i.state = 'failed' FROM contact_import i
                 WHERE i.account_id = a.account_id AND i.audience_id = a.audience_id
                 ORDER BY i.import_id DESC LIMIT 1), false) AS import_failed
FROM audience a
CROSS JOIN LATERAL (
    SELECT count(*) AS contacts,
           count(*) FILTER (WHERE c.sms_status = 1 AND c.archived_at IS NULL) AS reachable_sms,
           count(*) FILTER (WHERE c.email_status = 1 AND c.archived_at IS NULL) AS reachable_email
    FROM contact c
    WHERE c.account_id = a.account_id AND c.audience_id = a.audience_id
) c
WHERE a.account_id = $1 AND a.audience_id = ANY ($2::bigint[]);

-- name: has_credentials
SELECT EXISTS (SELECT FROM credential WHERE account_id = $1 AND audience_id = $2 AND revoked_at IS NULL);

-- name: some_contacts
SELECT contact_id FROM contact WHERE account_id = $1 AND audience_id = $2 LIMIT $3;

-- name: delete_group_members
DELETE FROM membership m
USING contact_group g
WHERE m.account_id = $1 AND g.account_id = $1 AND g.audience_id = $2 AND m.group_id = g.group_id;

-- name: delete_imports
DELETE FROM contact_import WHERE account_id = $1 AND audience_id = $2;

-- name: delete_audience
-- Its fields, groups and feeds go with it.
DELETE FROM audience WHERE account_id = $1 AND audience_id = $2;
