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
