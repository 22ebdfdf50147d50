-- name: record
-- Unsubscribed is 3, and 6 where there is no address. What changed is in $3 alone, so that each is looked up by its key.
WITH s AS (
    SELECT c.contact_id, v.channel, v.status IN (3, 6) AS is_unsubscribed
    FROM contact c
    CROSS JOIN LATERAL (VALUES ('sms', c.sms_status), ('email', c.email_status)) AS v (channel, status)
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = ANY ($3::bigint[])
),
ended AS (
    DELETE FROM unsubscription u
    USING s
    WHERE u.account_id = $1 AND u.audience_id = $2 AND u.contact_id = s.contact_id AND u.channel = s.channel AND NOT s.is_unsubscribed
)
INSERT INTO unsubscription (account_id, audience_id, contact_id, channel, unsubscribed_at, source, actor, reason)
SELECT $1, $2, s.contact_id, s.channel, coalesce(o.unsubscribed_at, $4), coalesce(o.source, $5), coalesce(o.actor, $6),
       CASE WHEN o.source IS NULL THEN $7 ELSE o.reason END
FROM s
LEFT JOIN unnest($8::bigint[], $9::text[], $10::timestamptz[], $11::text[], $12::text[], $13::text[])
     AS o (contact_id, channel, unsubscribed_at, source, actor, reason)
  ON o.contact_id = s.contact_id AND o.channel = s.channel
WHERE s.is_unsubscribed
ON CONFLICT (account_id, audience_id, contact_id, channel) DO NOTHING;

-- name: say_again
UPDATE unsubscription u SET said_again_at = $3
FROM unnest($4::bigint[], $5::text[]) AS s (contact_id, channel)
WHERE u.account_id = $1 AND u.audience_id = $2 AND u.contact_id = s.contact_id AND u.channel = s.channel
  AND greatest(u.unsubscribed_at, u.said_again_at) < $3;

-- name: unsubscriptions_of
SELECT contact_id, channel, unsubscribed_at, source, actor, reason, said_again_at
FROM unsubscription
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: any_unsubscription
SELECT EXISTS (SELECT FROM unsubscription WHERE account_id = $1 AND audience_id = $2 AND channel = $3);
