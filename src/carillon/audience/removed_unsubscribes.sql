-- fragment: digest
-- Of account, audience, channel and address: the same address has another one elsewhere.
sha256(convert_to(concat_ws(':', $1::bigint, $2::bigint, a.channel, a.address), 'UTF8'))

-- fragment: addresses
SELECT CASE WHEN k.n = 1 THEN 'sms' ELSE 'email' END AS channel,
           CASE WHEN k.n = 1 THEN c.phone ELSE c.email END AS address,
           CASE WHEN k.n = 1 THEN c.sms_status ELSE c.email_status END AS status
    FROM contact c
    CROSS JOIN generate_series(1, 2) AS k (n)
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = ANY ($3::bigint[])

-- name: remember
INSERT INTO removed_unsubscribe (account_id, audience_id, channel, digest, removed_at)
SELECT $1, $2, a.channel, {digest}, $4
FROM (
    {addresses}
) a
WHERE a.address IS NOT NULL AND a.status = 3
ON CONFLICT DO NOTHING;

-- name: forget
-- Of contacts that were subscribed again before they are removed.
DELETE FROM removed_unsubscribe r
USING (
    {addresses}
) a
WHERE r.account_id = $1 AND r.audience_id = $2 AND r.channel = a.channel AND a.address IS NOT NULL AND a.status <> 3
  AND r.digest = {digest};

-- name: unsubscribed_among
-- The addresses come as one text, see one_text.
SELECT a.address
FROM (SELECT $3::text AS channel, s.address FROM unnest(string_to_array($4::text, chr(31))) AS s (address)) a
JOIN removed_unsubscribe r ON r.account_id = $1 AND r.audience_id = $2 AND r.channel = $3 AND r.digest = {digest};

-- name: channels
SELECT k.channel
FROM unnest(ARRAY['sms', 'email']) AS k (channel)
WHERE EXISTS (SELECT FROM removed_unsubscribe r WHERE r.account_id = $1 AND r.audience_id = $2 AND r.channel = k.channel);

-- name: delete_all
DELETE FROM removed_unsubscribe WHERE account_id = $1 AND audience_id = $2;
