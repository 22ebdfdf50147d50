-- Each lookup has to go through its own unique index, key by key. Equality alone would let the planner take the primary key's
-- index for as good, and read all of the account for every key, where it knows too little of the account: on a fresh table, or
-- in a new account. The order leaves no other index, as lock_audience has told the planner not to sort.

-- name: match_phone
SELECT c.contact_id, c.phone, c.email, c.external_id
FROM unnest($3::text[]) AS s (value)
CROSS JOIN LATERAL (
    SELECT o.contact_id, o.phone, o.email, o.external_id
    FROM contact o
    WHERE o.account_id = $1 AND o.audience_id = $2 AND o.phone >= s.value AND o.phone <= s.value
    ORDER BY o.phone
    LIMIT 1
) c;

-- name: match_email
SELECT c.contact_id, c.phone, c.email, c.external_id
FROM unnest($3::text[]) AS s (value)
CROSS JOIN LATERAL (
    SELECT o.contact_id, o.phone, o.email, o.external_id
    FROM contact o
    WHERE o.account_id = $1 AND o.audience_id = $2 AND o.email >= s.value AND o.email <= s.value
    ORDER BY o.email
    LIMIT 1
) c;

-- name: match_external_id
SELECT c.contact_id, c.phone, c.email, c.external_id
FROM unnest($3::text[]) AS s (value)
CROSS JOIN LATERAL (
    SELECT o.contact_id, o.phone, o.email, o.external_id
    FROM contact o
    WHERE o.account_id = $1 AND o.audience_id = $2 AND o.external_id >= s.value AND o.external_id <= s.value
    ORDER BY o.external_id
    LIMIT 1
) c;

-- name: contacts_by_id
SELECT contact_id, phone, phone_quality, phone_region, email, email_given, external_id, landline, fields
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);

-- name: contacts_with_keys
SELECT c.contact_id, c.phone, c.phone_quality, c.phone_region, c.email, c.email_given, c.external_id, c.landline, c.fields
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = ANY (ARRAY(
    SELECT k.contact_id
    FROM unnest($3::text[]) AS s (value)
    CROSS JOIN LATERAL (
        SELECT o.contact_id
        FROM contact o
        WHERE o.account_id = $1 AND o.audience_id = $2 AND o.phone >= s.value AND o.phone <= s.value
        ORDER BY o.phone
        LIMIT 1
    ) k
    UNION
    SELECT k.contact_id
    FROM unnest($4::text[]) AS s (value)
    CROSS JOIN LATERAL (
        SELECT o.contact_id
        FROM contact o
        WHERE o.account_id = $1 AND o.audience_id = $2 AND o.email >= s.value AND o.email <= s.value
        ORDER BY o.email
        LIMIT 1
    ) k
    UNION
    SELECT k.contact_id
    FROM unnest($5::text[]) AS s (value)
    CROSS JOIN LATERAL (
        SELECT o.contact_id
        FROM contact o
        WHERE o.account_id = $1 AND o.audience_id = $2 AND o.external_id >= s.value AND o.external_id <= s.value
        ORDER BY o.external_id
        LIMIT 1
    ) k
));
