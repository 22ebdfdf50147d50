-- fragment: digest
-- Of account, audience, channel and address: the same address has another one elsewhere.
sha256(convert_to(concat_ws(':', $1::bigint, $2::bigint, a.channel, a.address), 'UTF8'))

-- fragment: kept
kept AS (
    INSERT INTO removed_unsubscribe AS r (account_id, audience_id, channel, digest, removed_at, purpose, status)
    SELECT $1, $2, a.channel, {digest}, coalesce(max(a.said_at), $3), a.purpose, max(a.status)
    FROM a
    WHERE a.keeps AND a.status > 1
    GROUP BY a.channel, a.address, a.purpose
    ON CONFLICT (account_id, audience_id, channel, digest, purpose) DO UPDATE
    SET status = excluded.status
    WHERE r.status < excluded.status
    RETURNING channel
)
SELECT array_agg(DISTINCT channel) FROM kept

-- fragment: keep
-- Of the addresses k of contacts: what they refused there is kept where k says so, as is that they had not confirmed, and what they
-- agreed to since is forgotten. Who is archived is not written to: for files that is as if it had not confirmed.
-- Of an address that a contact left it was said when the contact said it; a removal is a moment of its own. Tells on which channels anything was kept that was not before.
a AS (
    SELECT k.channel, k.address, '' AS purpose, k.keeps,
           CASE WHEN k.status IN (3, 6) THEN 3 WHEN k.status IN (2, 5, 7) OR k.is_archived THEN 2 WHEN k.status IN (1, 4) THEN 1
           END AS status,
           greatest(u.unsubscribed_at, u.said_again_at) AS said_at
    FROM k
    LEFT JOIN unsubscription u
      ON k.is_left AND u.account_id = $1 AND u.audience_id = $2 AND u.contact_id = k.contact_id AND u.channel = k.channel
    UNION ALL
    SELECT k.channel, k.address, s.purpose, k.keeps, CASE WHEN s.granted THEN 1 ELSE 3 END, CASE WHEN k.is_left THEN s.given_at END
    FROM k
    JOIN consent s ON s.account_id = $1 AND s.audience_id = $2 AND s.contact_id = k.contact_id AND s.channel = k.channel
),
forgotten AS (
    DELETE FROM removed_unsubscribe r
    USING a
    WHERE r.account_id = $1 AND r.audience_id = $2 AND r.channel = a.channel AND r.digest = {digest} AND r.purpose = a.purpose
      AND a.status = 1
),
{kept}

-- name: keep_of_contacts
-- What a contact said of a channel on which it has no address is kept at its other one.
WITH k AS (
    SELECT c.contact_id, v.channel, v.address, v.status, v.keeps, c.archived_at IS NOT NULL AS is_archived, false AS is_left
    FROM contact c
    CROSS JOIN LATERAL (VALUES
        ('sms', c.phone, c.sms_status, true), ('sms', c.email, c.sms_status, c.phone IS NULL),
        ('email', c.email, c.email_status, true), ('email', c.phone, c.email_status, c.email IS NULL)
    ) AS v (channel, address, status, keeps)
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = ANY ($4::bigint[]) AND v.address IS NOT NULL
),
{keep};

-- name: keep_of_addresses
WITH k AS (
    SELECT s.contact_id, $4::text AS channel, s.address, s.status, true AS keeps, c.archived_at IS NOT NULL AS is_archived,
           true AS is_left
    FROM unnest($5::text[], $6::smallint[], $7::bigint[]) AS s (address, status, contact_id)
    LEFT JOIN contact c ON c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = s.contact_id
),
{keep};

-- name: keep_of_nobodys
-- Of what was said of addresses, with a purpose or with none: what is about one that no contact has.
WITH a AS (
    SELECT $4::text AS channel, s.address, s.purpose, s.status, true AS keeps, NULL::timestamptz AS said_at
    FROM unnest($5::text[], $6::text[], $7::smallint[]) AS s (address, purpose, status)
    WHERE NOT EXISTS (SELECT FROM contact c WHERE c.account_id = $1 AND c.audience_id = $2 AND c.phone = s.address)
      AND NOT EXISTS (SELECT FROM contact c WHERE c.account_id = $1 AND c.audience_id = $2 AND c.email = s.address)
),
{kept};

-- name: mark_channels
UPDATE audience SET removed_channels = ARRAY(SELECT unnest(removed_channels) UNION SELECT unnest($3::text[]))
WHERE account_id = $1 AND audience_id = $2;

-- name: statuses_among
-- The addresses come as one text, see one_text.
SELECT a.address, r.status
FROM (SELECT $3::text AS channel, s.address FROM unnest(string_to_array($4::text, chr(31))) AS s (address)) a
JOIN removed_unsubscribe r ON r.account_id = $1 AND r.audience_id = $2 AND r.channel = $3 AND r.digest = {digest} AND r.purpose = '';

-- fragment: addresses
a AS (
    SELECT c.contact_id, v.channel, v.address, v.status
    FROM contact c
    CROSS JOIN LATERAL (VALUES
        ('sms', c.phone, c.sms_status), ('sms', c.email, c.sms_status),
        ('email', c.email, c.email_status), ('email', c.phone, c.email_status)
    ) AS v (channel, address, status)
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = ANY ($3::bigint[]) AND v.address IS NOT NULL
)

-- name: restore_unsubscriptions
-- Of contacts that are unsubscribed, and of which nothing else is kept.
WITH {addresses}
INSERT INTO unsubscription (account_id, audience_id, contact_id, channel, unsubscribed_at, source, actor)
SELECT $1, $2, a.contact_id, a.channel, max(r.removed_at), $4, $5
FROM a
JOIN removed_unsubscribe r
  ON r.account_id = $1 AND r.audience_id = $2 AND r.channel = a.channel AND r.digest = {digest} AND r.purpose = '' AND r.status = 3
WHERE a.status IN (3, 6)
GROUP BY a.contact_id, a.channel
ON CONFLICT (account_id, audience_id, contact_id, channel) DO NOTHING;

-- name: restore_refusals
WITH {addresses},
restored AS (
    DELETE FROM removed_unsubscribe r
    USING a
    WHERE r.account_id = $1 AND r.audience_id = $2 AND r.channel = a.channel AND r.digest = {digest} AND r.purpose <> ''
    RETURNING a.contact_id, r.purpose, r.channel, r.removed_at
)
INSERT INTO consent (account_id, audience_id, contact_id, purpose, channel, granted, given_at, source, actor)
SELECT $1, $2, contact_id, purpose, channel, false, max(removed_at), $4, $5
FROM restored
GROUP BY contact_id, purpose, channel
ON CONFLICT (account_id, audience_id, contact_id, purpose, channel) DO UPDATE
SET granted = false, given_at = excluded.given_at, source = excluded.source, actor = excluded.actor
WHERE consent.granted;

-- name: channels
SELECT removed_channels FROM audience WHERE account_id = $1 AND audience_id = $2;

-- name: delete_all
DELETE FROM removed_unsubscribe WHERE account_id = $1 AND audience_id = $2;
