-- name: take_your_time
-- For accounts with millions of contacts.
SET LOCAL statement_timeout = 0;

-- name: compare_groups
-- Groups whose counters differ from their members; who is archived stays a member, and is not counted.
WITH d AS (
    SELECT audience_id, contact_id, bool_or(platform = 'android') AS android, bool_or(platform = 'ios') AS ios
    FROM device
    WHERE account_id = $1
    GROUP BY audience_id, contact_id
),
counted AS (
    SELECT m.group_id,
           count(*) AS members,
           count(*) FILTER (WHERE c.sms_status = 1 OR c.email_status = 1 OR d.android OR d.ios) AS reachable,
           count(*) FILTER (WHERE c.sms_status = 1) AS reachable_sms,
           count(*) FILTER (WHERE c.email_status = 1) AS reachable_email,
           count(*) FILTER (WHERE d.android) AS reachable_android,
           count(*) FILTER (WHERE d.ios) AS reachable_ios
    FROM membership m
    JOIN contact_group g ON g.account_id = $1 AND g.group_id = m.group_id
    JOIN contact c ON c.account_id = $1 AND c.audience_id = g.audience_id AND c.contact_id = m.contact_id AND c.archived_at IS NULL
    LEFT JOIN d ON d.audience_id = c.audience_id AND d.contact_id = c.contact_id
    WHERE m.account_id = $1
    GROUP BY m.group_id
),
compared AS (
    SELECT g.group_id,
           ARRAY[g.members, g.reachable, g.reachable_sms, g.reachable_email, g.reachable_android, g.reachable_ios] AS counters,
           ARRAY[coalesce(c.members, 0), coalesce(c.reachable, 0), coalesce(c.reachable_sms, 0), coalesce(c.reachable_email, 0),
                 coalesce(c.reachable_android, 0), coalesce(c.reachable_ios, 0)] AS found
    FROM contact_group g
    LEFT JOIN counted c ON c.group_id = g.group_id
    WHERE g.account_id = $1
)
SELECT group_id, counters, found
FROM compared
WHERE counters <> found
ORDER BY group_id
LIMIT $2;

-- name: compare_statuses
-- Subscribed (1) and unconfirmed (2) are 4 and 5 where the address is suppressed, and nowhere else.
SELECT c.contact_id, 'sms' AS channel, s.address IS NOT NULL AS suppressed
FROM contact c
LEFT JOIN suppression s ON s.account_id = $1 AND s.channel = 'sms' AND s.address = c.phone
WHERE c.account_id = $1 AND c.phone IS NOT NULL AND c.sms_status IN (1, 2, 4, 5) AND (c.sms_status > 3) <> (s.address IS NOT NULL)
UNION ALL
SELECT c.contact_id, 'email', s.address IS NOT NULL
FROM contact c
LEFT JOIN suppression s ON s.account_id = $1 AND s.channel = 'email' AND s.address = c.email
WHERE c.account_id = $1 AND c.email IS NOT NULL AND c.email_status IN (1, 2, 4, 5) AND (c.email_status > 3) <> (s.address IS NOT NULL)
LIMIT $2;

-- name: compare_unsubscriptions
-- Who is unsubscribed (3, without an address 6) has a row that tells how that came about, and nobody else.
WITH c AS (
    SELECT c.audience_id, c.contact_id, v.channel
    FROM contact c
    CROSS JOIN LATERAL (VALUES ('sms', c.sms_status), ('email', c.email_status)) AS v (channel, status)
    WHERE c.account_id = $1 AND v.status IN (3, 6)
),
u AS (
    SELECT audience_id, contact_id, channel FROM unsubscription WHERE account_id = $1
)
SELECT coalesce(c.contact_id, u.contact_id) AS contact_id, coalesce(c.channel, u.channel) AS channel,
       u.contact_id IS NULL AS is_missing
FROM c
FULL JOIN u ON u.audience_id = c.audience_id AND u.contact_id = c.contact_id AND u.channel = c.channel
WHERE c.contact_id IS NULL OR u.contact_id IS NULL
LIMIT $2;

-- name: find_unread_digests
-- Digests that no writer looks for, as the audience's row says that it keeps none on their channel.
SELECT DISTINCT r.audience_id, r.channel
FROM removed_unsubscribe r
JOIN audience a ON a.account_id = $1 AND a.audience_id = r.audience_id
WHERE r.account_id = $1 AND r.channel <> ALL (a.removed_channels)
LIMIT $2;
