-- name: find_campaigns
SELECT c.name_key, c.channel, c.campaign_id, c.sending_number
FROM unnest($2::text[], $3::text[]) AS g (channel, name_key)
JOIN campaign c ON c.account_id = $1 AND c.channel = g.channel AND c.name_key = g.name_key
WHERE c.account_id = $1;

-- name: add_campaigns
INSERT INTO campaign (account_id, campaign_id, sending_number, name, name_key, channel, created_at, updated_at)
SELECT $1, c.campaign_id, c.sending_number, c.name, c.name_key, c.channel, $7, $7
FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
    AS c (campaign_id, sending_number, name, name_key, channel)
ON CONFLICT (account_id, channel, name_key) DO NOTHING;

-- name: count_unsubscribed
UPDATE campaign c
SET unsubscribed = c.unsubscribed + 1, updated_at = $3
WHERE c.account_id = $1
  AND c.campaign_id = (SELECT s.campaign_id FROM sending s WHERE s.shard_key = $1 AND s.sending_id = $2);

-- name: add_tags
UPDATE campaign c
SET tags = (c.tags || ARRAY(SELECT n.tag FROM unnest(g.tags) AS n (tag) WHERE NOT n.tag = ANY (c.tags)))[1:$4::int]
FROM (
    SELECT t.campaign_id, array_agg(t.tag) AS tags
    FROM unnest($2::bigint[], $3::text[]) AS t (campaign_id, tag)
    GROUP BY t.campaign_id
) g
WHERE c.account_id = $1 AND c.campaign_id = g.campaign_id AND NOT c.tags @> g.tags;

-- fragment: campaign_columns
c.campaign_id, c.sending_number, c.name, c.channel, c.created_at, c.updated_at, c.started_at, c.finished_at, c.recipients,
    c.excluded, c.waiting, c.submitted, c.uncertain, c.delivered, c.undelivered, c.expired, c.rejected, c.cancelled,
    c.unknown, c.sent, c.unsubscribed, c.parts, c.cost, c.tags

-- fragment: is_asked_for
c.account_id = $1 AND ($2::text IS NULL OR c.name_key LIKE $2) AND ($3::text[] IS NULL OR c.channel = ANY ($3))
  AND ($4::timestamptz IS NULL OR c.created_at < $4) AND ($5::timestamptz IS NULL OR c.created_at > $5)

-- name: count_campaigns
SELECT count(*) FROM campaign c WHERE {is_asked_for};

-- name: page_campaigns
SELECT {campaign_columns}
FROM campaign c
WHERE {is_asked_for}
ORDER BY c.campaign_id
LIMIT $6 OFFSET $7;

-- name: get_campaign
SELECT {campaign_columns} FROM campaign c WHERE c.account_id = $1 AND c.campaign_id = $2;

-- name: get_campaign_of_sending
SELECT {campaign_columns} FROM campaign c WHERE c.account_id = $1 AND c.sending_number = $2;
