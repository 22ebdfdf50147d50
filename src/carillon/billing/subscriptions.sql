-- fragment: subscription_columns
s.subscription_id, s.channel, s.sender, s.total, s.used, s.starts_at, s.ends_at, s.shared, s.disabled, s.created_at

-- name: lock_subscriptions
SELECT {subscription_columns}
FROM subscription s
WHERE s.account_id = $1 AND s.channel = $2 AND s.sender = ANY ($3::text[])
ORDER BY s.subscription_id
FOR NO KEY UPDATE;

-- name: move_used
-- In the given order, that of their ids: what gives back locks them here.
WITH held AS MATERIALIZED (
    SELECT g.subscription_id, g.taken
    FROM unnest($2::bigint[], $3::bigint[]) AS g (subscription_id, taken)
    CROSS JOIN LATERAL (
        SELECT subscription_id FROM subscription WHERE account_id = $1 AND subscription_id = g.subscription_id FOR NO KEY UPDATE
    ) s
)
UPDATE subscription s
SET used = s.used + g.taken
FROM held g
WHERE s.account_id = $1 AND s.subscription_id = g.subscription_id;

-- name: add_subscription
INSERT INTO subscription AS s (account_id, subscription_id, channel, sender, total, starts_at, ends_at, shared, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING {subscription_columns};

-- name: set_disabled
UPDATE subscription s SET disabled = $3 WHERE s.account_id = $1 AND s.subscription_id = $2
RETURNING {subscription_columns};

-- name: list_subscriptions
SELECT {subscription_columns} FROM subscription s WHERE s.account_id = $1 ORDER BY s.subscription_id DESC LIMIT $2;

-- name: active_subscriptions
SELECT {subscription_columns}
FROM account a
JOIN subscription s ON s.account_id = a.account_id
WHERE a.account_id = $1 AND s.starts_at <= $2::timestamptz + a.clock_offset AND s.ends_at > $2::timestamptz + a.clock_offset
ORDER BY s.ends_at, s.subscription_id
LIMIT $3;
