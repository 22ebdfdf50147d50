-- name: take_your_time
-- For accounts with millions of messages.
SET LOCAL statement_timeout = 0;

-- name: compare_sendings
-- Sendings whose counters differ from their rows; one statement is one snapshot, so it can run beside everything else.
WITH counted AS (
    SELECT m.sending_id,
        count(*) AS recipients,
        count(*) FILTER (WHERE m.state = 'excluded') AS excluded,
        count(*) FILTER (WHERE m.state = 'waiting') AS waiting,
        count(*) FILTER (WHERE m.state = 'submitted') AS submitted,
        count(*) FILTER (WHERE m.state = 'uncertain') AS uncertain,
        count(*) FILTER (WHERE m.state = 'delivered') AS delivered,
        count(*) FILTER (WHERE m.state = 'undelivered') AS undelivered,
        count(*) FILTER (WHERE m.state = 'expired') AS expired,
        count(*) FILTER (WHERE m.state = 'rejected') AS rejected,
        count(*) FILTER (WHERE m.state = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE m.state = 'unknown') AS unknown,
        coalesce(sum(m.price + m.vat) FILTER (WHERE m.money IN ('reserved', 'until_delivery')), 0) AS reserved,
        coalesce(sum(m.price + m.vat) FILTER (WHERE m.money = 'captured'), 0) + coalesce(max(f.captured), 0) AS captured
    FROM message m
    LEFT JOIN (
        SELECT t.sending_id, sum(t.price + t.vat) AS captured
        FROM attempt t
        WHERE t.shard_key = $1 AND t.money = 'captured'
        GROUP BY t.sending_id
    ) f ON f.sending_id = m.sending_id
    WHERE m.shard_key = $1
    GROUP BY m.sending_id
)
SELECT s.sending_id,
    ARRAY[s.recipients, s.excluded, s.waiting, s.submitted, s.uncertain, s.delivered, s.undelivered, s.expired,
          s.rejected, s.cancelled, s.unknown, s.reserved, s.captured] AS counters,
    ARRAY[c.recipients, c.excluded, c.waiting, c.submitted, c.uncertain, c.delivered, c.undelivered, c.expired,
          c.rejected, c.cancelled, c.unknown, c.reserved, c.captured]::bigint[] AS found
FROM sending s
LEFT JOIN counted c ON c.sending_id = s.sending_id
WHERE s.shard_key = $1 AND s.sending_id >= $2
  AND (s.recipients, s.excluded, s.waiting, s.submitted, s.uncertain, s.delivered, s.undelivered, s.expired, s.rejected,
       s.cancelled, s.unknown, s.reserved, s.captured)
      IS DISTINCT FROM
      (coalesce(c.recipients, 0), coalesce(c.excluded, 0), coalesce(c.waiting, 0), coalesce(c.submitted, 0),
       coalesce(c.uncertain, 0), coalesce(c.delivered, 0), coalesce(c.undelivered, 0), coalesce(c.expired, 0),
       coalesce(c.rejected, 0), coalesce(c.cancelled, 0), coalesce(c.unknown, 0), coalesce(c.reserved, 0),
       coalesce(c.captured, 0))
ORDER BY s.sending_id
LIMIT $3;

-- name: compare_laws
-- Sendings whose counters do not add up to their recipients.
SELECT s.sending_id
FROM sending s
WHERE s.shard_key = $1
  AND s.recipients <> s.excluded + s.waiting + s.submitted + s.uncertain + s.delivered + s.undelivered + s.expired
      + s.rejected + s.cancelled + s.unknown
LIMIT $2;

-- name: find_lost
-- Messages that wait, and that no chunk will ever send. As a difference of sets it is linear, also where a planner without
-- statistics expects few rows.
SELECT m.message_id FROM message m WHERE m.shard_key = $1 AND m.state = 'waiting'
EXCEPT
SELECT k.message_id FROM (SELECT unnest(c.message_ids) AS message_id FROM chunk c WHERE c.account_id = $1) k
LIMIT $2;

-- name: compare_campaigns
SELECT c.campaign_id,
    ARRAY[c.recipients, c.excluded, c.waiting, c.submitted, c.uncertain, c.delivered, c.undelivered, c.expired,
          c.rejected, c.cancelled, c.unknown, c.cost] AS counters,
    ARRAY[s.recipients, s.excluded, s.waiting, s.submitted, s.uncertain, s.delivered, s.undelivered, s.expired,
          s.rejected, s.cancelled, s.unknown, s.captured] AS found
FROM campaign c
JOIN (
    SELECT t.campaign_id, sum(t.recipients)::bigint AS recipients, sum(t.excluded)::bigint AS excluded,
        sum(t.waiting)::bigint AS waiting, sum(t.submitted)::bigint AS submitted, sum(t.uncertain)::bigint AS uncertain,
        sum(t.delivered)::bigint AS delivered, sum(t.undelivered)::bigint AS undelivered,
        sum(t.expired)::bigint AS expired, sum(t.rejected)::bigint AS rejected, sum(t.cancelled)::bigint AS cancelled,
        sum(t.unknown)::bigint AS unknown, sum(t.captured)::bigint AS captured, min(t.created_at) AS first
    FROM sending t
    WHERE t.shard_key = $1 AND t.campaign_id IS NOT NULL
    GROUP BY t.campaign_id
) s ON s.campaign_id = c.campaign_id
WHERE c.account_id = $1 AND c.created_at > $2
  AND (c.recipients, c.excluded, c.waiting, c.submitted, c.uncertain, c.delivered, c.undelivered, c.expired, c.rejected,
       c.cancelled, c.unknown, c.cost)
      IS DISTINCT FROM
      (s.recipients, s.excluded, s.waiting, s.submitted, s.uncertain, s.delivered, s.undelivered, s.expired, s.rejected,
       s.cancelled, s.unknown, s.captured)
LIMIT $3;

-- name: find_untold
-- Messages whose state no event tells of, of those that were made since an id.
SELECT m.message_id, m.state FROM message m WHERE m.shard_key = $1 AND m.message_id >= $2 AND m.state <> 'waiting'
EXCEPT
SELECT e.message_id, e.kind FROM event e WHERE e.shard_key = $1
LIMIT $3;

-- name: compare_subscriptions
-- What messages and their first attempts have of subscriptions that are younger than a moment.
SELECT s.subscription_id, s.used, coalesce(u.taken, 0) AS taken
FROM subscription s
LEFT JOIN (
    SELECT k.subscription_id, count(*) AS taken
    FROM (
        SELECT m.subscription_id FROM message m WHERE m.shard_key = $1 AND m.subscription_id IS NOT NULL
        UNION ALL
        SELECT t.subscription_id FROM attempt t WHERE t.shard_key = $1 AND t.subscription_id IS NOT NULL
    ) k
    GROUP BY k.subscription_id
) u ON u.subscription_id = s.subscription_id
WHERE s.account_id = $1 AND s.created_at > $2 AND s.used <> coalesce(u.taken, 0)
ORDER BY s.subscription_id
LIMIT $3;

-- name: find_gap
-- Whether numbers are missing among the account's events, from the first one that was made since an id ($2). Around the
-- end of a day, numbers and ids are in another order: of days that were dropped by their ids, some numbers are still there.
SELECT count(*) AS events, min(e.sequence) AS first, max(e.sequence) AS last
FROM event e
WHERE e.shard_key = $1
  AND e.sequence >= (SELECT min(f.sequence) FROM event f WHERE f.shard_key = $1 AND f.event_id >= $2);
