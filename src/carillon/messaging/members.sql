-- name: count_members
-- How many members groups have by their counters; who is in several counts as often. NULL where a group isn't there.
SELECT CASE WHEN count(*) = cardinality($3::bigint[]) THEN coalesce(sum(g.members), 0)::bigint END
FROM contact_group g
WHERE g.account_id = $1 AND g.audience_id = $2 AND g.group_id = ANY ($3::bigint[]);

-- name: take_your_time
-- For millions of members.
SET LOCAL statement_timeout = 0;

-- name: add_members
-- The members of groups ($5) that are in no excluded one ($6), as they are at this moment, behind the $3 recipients that were
-- named; not those among the first $7 of these. Statuses are those of contact. All that is left out is left out by sets of
-- contacts, and each is looked up by its id: however few rows a planner without statistics expects, it compares no two lists
-- with each other, and a small group of a large audience is not looked for in all of it.
WITH wanted AS MATERIALIZED (
    SELECT m.contact_id FROM membership m WHERE m.account_id = $1 AND m.group_id = ANY ($5::bigint[])
    EXCEPT
    SELECT x.contact_id FROM membership x WHERE x.account_id = $1 AND x.group_id = ANY ($6::bigint[])
    EXCEPT
    SELECT o.contact_id
    FROM recipient n
    JOIN contact o ON o.account_id = $1 AND o.audience_id = $4 AND o.phone = n.address
    WHERE n.shard_key = $1 AND n.sending_id = $2 AND n.position <= $7
    ORDER BY contact_id
), made AS (
    INSERT INTO recipient (shard_key, sending_id, position, contact_id, address, values, reason)
    SELECT $1, $2, $3::integer + row_number() OVER (ORDER BY w.contact_id), w.contact_id, c.phone,
        CASE WHEN cardinality($8::text[]) = 0 THEN '{}'::jsonb ELSE jsonb_object($8::text[], ARRAY(
            SELECT coalesce(CASE WHEN k.name = 'phone' THEN c.phone
                                 WHEN k.name = 'email' THEN coalesce(c.email_given, c.email)
                                 WHEN k.name = 'external_id' THEN c.external_id
                                 ELSE c.fields ->> k.name END, '')
            FROM unnest($9::text[]) AS k (name)
        )) END,
        CASE WHEN NOT $10::boolean AND c.sms_status = 3 THEN 'suppressed'
             WHEN NOT $10::boolean AND c.sms_status IN (2, 5) THEN 'consent_missing'
             WHEN $11::text IS NOT NULL AND NOT EXISTS (
                 SELECT FROM consent a
                 WHERE a.account_id = $1 AND a.audience_id = $4 AND a.contact_id = w.contact_id AND a.purpose = $11
                   AND a.channel = $12 AND a.granted
             ) THEN 'consent_missing' END
    FROM wanted w
    CROSS JOIN LATERAL (
        SELECT l.phone, l.email, l.email_given, l.external_id, l.fields, l.sms_status
        FROM contact l
        WHERE l.account_id = $1 AND l.audience_id = $4 AND l.contact_id = w.contact_id
          AND l.phone IS NOT NULL AND l.archived_at IS NULL
        OFFSET 0
    ) c
    RETURNING 1
)
SELECT count(*) FROM made;
