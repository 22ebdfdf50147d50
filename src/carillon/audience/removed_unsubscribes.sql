-- fragment: digest
-- Of account, audience, channel and address: the same address has another one elsewhere.
sha256(convert_to(concat_ws(':', $1::bigint, $2::bigint, a.channel, a.address), 'UTF8'))

-- fragment: keep
-- Of the addresses a: those that are unsubscribed are kept, and those that were subscribed again are forgotten.
forgotten AS (
    DELETE FROM removed_unsubscribe r
    USING a
    WHERE r.account_id = $1 AND r.audience_id = $2 AND r.channel = a.channel AND a.status <> 3 AND r.digest = {digest}
)
INSERT INTO removed_unsubscribe (account_id, audience_id, channel, digest, removed_at)
SELECT $1, $2, a.channel, {digest}, $3
FROM a
WHERE a.status = 3
ON CONFLICT DO NOTHING

-- name: keep_of_contacts
WITH a AS (
    SELECT k.channel, k.address, k.status
    FROM contact c
    CROSS JOIN LATERAL (VALUES ('sms', c.phone, c.sms_status), ('email', c.email, c.email_status)) AS k (channel, address, status)
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = ANY ($4::bigint[]) AND k.address IS NOT NULL
),
{keep};

-- name: keep_of_addresses
WITH a AS (
    SELECT $4::text AS channel, s.address, s.status
    FROM unnest($5::text[], $6::smallint[]) AS s (address, status)
),
{keep};

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
