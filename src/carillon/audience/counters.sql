-- name: group_shares
-- Who is archived stays a member, and is not counted.
SELECT m.group_id,
       count(*) AS members,
       count(*) FILTER (WHERE c.sms_status = 1 OR c.email_status = 1 OR d.android OR d.ios) AS reachable,
       count(*) FILTER (WHERE c.sms_status = 1) AS reachable_sms,
       count(*) FILTER (WHERE c.email_status = 1) AS reachable_email,
       count(*) FILTER (WHERE d.android) AS reachable_android,
       count(*) FILTER (WHERE d.ios) AS reachable_ios
FROM membership m
JOIN contact c ON c.account_id = m.account_id AND c.audience_id = $2 AND c.contact_id = m.contact_id AND c.archived_at IS NULL
LEFT JOIN (
    SELECT contact_id, bool_or(platform = 'android') AS android, bool_or(platform = 'ios') AS ios
    FROM device
    WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[])
    GROUP BY contact_id
) d ON d.contact_id = m.contact_id
WHERE m.account_id = $1 AND m.contact_id = ANY ($3::bigint[])
GROUP BY m.group_id;

-- name: move_counters
UPDATE contact_group g
SET members = g.members + d.members, reachable = g.reachable + d.reachable,
    reachable_sms = g.reachable_sms + d.reachable_sms, reachable_email = g.reachable_email + d.reachable_email,
    reachable_android = g.reachable_android + d.reachable_android, reachable_ios = g.reachable_ios + d.reachable_ios
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
     AS d (group_id, members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios)
WHERE g.account_id = $1 AND g.group_id = d.group_id;
