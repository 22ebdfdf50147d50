-- name: shares_of_pairs
-- Those of the pairs that are members ($5), or those that aren't: how many of each group, and what they are in its counters.
-- Who is archived is a pair, and not counted.
SELECT s.group_id,
       count(*) AS pairs,
       count(*) FILTER (WHERE c.archived_at IS NULL) AS members,
       count(*) FILTER (WHERE c.archived_at IS NULL AND (c.sms_status = 1 OR c.email_status = 1 OR d.android OR d.ios)) AS reachable,
       count(*) FILTER (WHERE c.archived_at IS NULL AND c.sms_status = 1) AS reachable_sms,
       count(*) FILTER (WHERE c.archived_at IS NULL AND c.email_status = 1) AS reachable_email,
       count(*) FILTER (WHERE c.archived_at IS NULL AND d.android) AS reachable_android,
       count(*) FILTER (WHERE c.archived_at IS NULL AND d.ios) AS reachable_ios
FROM unnest($3::bigint[], $4::bigint[]) AS s (group_id, contact_id)
JOIN contact c ON c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = s.contact_id
LEFT JOIN (
    SELECT contact_id, bool_or(platform = 'android') AS android, bool_or(platform = 'ios') AS ios
    FROM device
    WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($4::bigint[])
    GROUP BY contact_id
) d ON d.contact_id = s.contact_id
WHERE EXISTS (
    SELECT FROM membership m WHERE m.account_id = $1 AND m.group_id = s.group_id AND m.contact_id = s.contact_id
) = $5::boolean
GROUP BY s.group_id;

-- name: leave_groups
DELETE FROM membership m
USING unnest($2::bigint[], $3::bigint[]) AS s (group_id, contact_id)
WHERE m.account_id = $1 AND m.group_id = s.group_id AND m.contact_id = s.contact_id;

-- name: join_groups
INSERT INTO membership (account_id, group_id, contact_id)
SELECT $1, s.group_id, s.contact_id
FROM unnest($2::bigint[], $3::bigint[]) AS s (group_id, contact_id)
ON CONFLICT (account_id, group_id, contact_id) DO NOTHING;

-- name: known_groups
SELECT group_id FROM contact_group WHERE account_id = $1 AND audience_id = $2 AND group_id = ANY ($3::bigint[]);

-- name: other_groups
SELECT group_id FROM membership WHERE account_id = $1 AND contact_id = $2 AND group_id <> ALL ($3::bigint[]);
