-- name: create_audience
INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at, updated_at, kind, idle_days,
                      attributes, double_opt_in, sender_defaults)
VALUES ($1, $2, $3, $4, false, $5, $5, $6, $7, $8::jsonb, $9::text[], $10::jsonb);

-- name: get_audience
SELECT audience_id, name, country, is_default, created_at, coalesce(updated_at, created_at) AS updated_at, kind,
       idle_days, attributes, double_opt_in, sender_defaults
FROM audience
WHERE account_id = $1 AND audience_id = $2;

-- name: list_audiences
SELECT audience_id, name, country, is_default, created_at, coalesce(updated_at, created_at) AS updated_at, kind,
       idle_days, attributes, double_opt_in, sender_defaults
FROM audience
WHERE account_id = $1 AND audience_id > $2 AND ($4::bigint IS NULL OR audience_id = $4)
ORDER BY audience_id
LIMIT $3;

-- name: count_audiences
SELECT count(*)
FROM audience a
WHERE a.account_id = $1
  AND ($2::text IS NULL OR strpos(lower(a.name), lower($2::text)) > 0)
  AND ($3::timestamptz IS NULL OR a.created_at >= $3) AND ($4::timestamptz IS NULL OR a.created_at < $4)
  AND ($5::text[] IS NULL OR a.kind = ANY ($5)) AND ($6::boolean IS NULL OR (a.idle_days IS NOT NULL) = $6)
  AND ($7::bigint IS NULL OR a.audience_id = $7);

-- name: page_audiences
-- An order comes in where it says so.
SELECT a.audience_id, a.name, a.country, a.is_default, a.created_at, coalesce(a.updated_at, a.created_at) AS updated_at,
       a.kind, a.idle_days, a.attributes, a.double_opt_in, a.sender_defaults
FROM audience a
WHERE a.account_id = $1
  AND ($2::text IS NULL OR strpos(lower(a.name), lower($2::text)) > 0)
  AND ($3::timestamptz IS NULL OR a.created_at >= $3) AND ($4::timestamptz IS NULL OR a.created_at < $4)
  AND ($5::text[] IS NULL OR a.kind = ANY ($5)) AND ($6::boolean IS NULL OR (a.idle_days IS NOT NULL) = $6)
  AND ($7::bigint IS NULL OR a.audience_id = $7)
ORDER BY /* order */ a.audience_id
LIMIT $8 OFFSET $9;

-- name: change_audience
-- NULL leaves what it is given for as it is; attributes are replaced key by key.
UPDATE audience
SET name = coalesce($3, name), country = coalesce($4, country), attributes = attributes || coalesce($5::jsonb, '{}'),
    double_opt_in = coalesce($7::text[], double_opt_in), sender_defaults = coalesce($8::jsonb, sender_defaults), updated_at = $6
WHERE account_id = $1 AND audience_id = $2;

-- name: audience_counts
-- The newest contact has the largest id.
SELECT a.audience_id,
       c.contacts, c.archived, c.reachable_sms, c.reachable_email,
       (SELECT count(*) FROM contact_group g WHERE g.account_id = $1 AND g.audience_id = a.audience_id) AS groups,
       (SELECT n.created_at FROM contact n WHERE n.account_id = $1 AND n.audience_id = a.audience_id
        ORDER BY n.contact_id DESC LIMIT 1) AS last_added_at,
       EXISTS (SELECT FROM contact_import i
               WHERE i.account_id = $1 AND i.audience_id = a.audience_id
                 AND i.state IN ('pending', 'running')) AS importing,
       coalesce((SELECT i.state = 'failed' FROM contact_import i
                 WHERE i.account_id = $1 AND i.audience_id = a.audience_id
                 ORDER BY i.import_id DESC LIMIT 1), false) AS import_failed
FROM audience a
CROSS JOIN LATERAL (
    SELECT count(*) AS contacts,
           count(c.archived_at) AS archived,
           count(*) FILTER (WHERE c.sms_status = 1 AND c.archived_at IS NULL) AS reachable_sms,
           count(*) FILTER (WHERE c.email_status = 1 AND c.archived_at IS NULL) AS reachable_email
    FROM contact c
    WHERE c.account_id = $1 AND c.audience_id = a.audience_id
) c
WHERE a.account_id = $1 AND a.audience_id = ANY ($2::bigint[]);

-- name: has_credentials
SELECT EXISTS (SELECT FROM credential WHERE account_id = $1 AND audience_id = $2 AND revoked_at IS NULL);

-- name: some_contacts
SELECT contact_id
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND contact_id > $3
ORDER BY contact_id
LIMIT $4;

-- name: delete_group_members
DELETE FROM membership m
USING contact_group g
WHERE m.account_id = $1 AND g.account_id = $1 AND g.audience_id = $2 AND m.group_id = g.group_id;

-- name: delete_purposes
DELETE FROM consent_purpose WHERE account_id = $1 AND audience_id = $2;

-- name: delete_group_sets
DELETE FROM group_set WHERE account_id = $1 AND audience_id = $2;

-- name: delete_imports
DELETE FROM contact_import WHERE account_id = $1 AND audience_id = $2;

-- name: delete_audience
-- Its fields, groups and feeds go with it.
DELETE FROM audience WHERE account_id = $1 AND audience_id = $2;
