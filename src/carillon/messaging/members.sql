-- name: count_members
-- How many members groups have by their counters; who is in several counts as often. NULL where a group isn't there.
SELECT CASE WHEN count(*) = cardinality($3::bigint[]) THEN coalesce(sum(g.members), 0)::bigint END
FROM contact_group g
WHERE g.account_id = $1 AND g.audience_id = $2 AND g.group_id = ANY ($3::bigint[]);

-- name: take_your_time
-- For millions of members.
SET LOCAL statement_timeout = 0;

-- name: plan_for_these_groups
-- A plan for any groups looks up one contact after another: twice the time for a large group.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: add_members
-- The members of groups ($5) that are in no excluded one ($6), as they are at this moment, behind the $3 recipients that were
-- named. A member who was named is there already, but where duplicates are allowed ($7). Statuses are those of contact.
WITH made AS (
    INSERT INTO recipient (shard_key, sending_id, position, contact_id, address, values, reason)
    SELECT $1, $2, $3::integer + row_number() OVER (ORDER BY c.contact_id), c.contact_id, c.phone,
        CASE WHEN cardinality($8::text[]) = 0 THEN '{}'::jsonb ELSE (
            SELECT jsonb_object_agg(k.key, coalesce(
                CASE WHEN k.name = 'phone' THEN c.phone
                     WHEN k.name = 'email' THEN coalesce(c.email_given, c.email)
                     WHEN k.name = 'external_id' THEN c.external_id
                     ELSE c.fields ->> k.name END, ''))
            FROM unnest($8::text[], $9::text[]) AS k (key, name)
        ) END,
        CASE WHEN NOT $10::boolean AND c.sms_status = 3 THEN 'suppressed'
             WHEN NOT $10::boolean AND c.sms_status IN (2, 5) THEN 'consent_missing'
             WHEN $11::text IS NOT NULL AND NOT EXISTS (
                 SELECT FROM consent a
                 WHERE a.account_id = $1 AND a.audience_id = $4 AND a.contact_id = c.contact_id AND a.purpose = $11
                   AND a.channel = $12 AND a.granted
             ) THEN 'consent_missing' END
    FROM contact c
    WHERE c.account_id = $1 AND c.audience_id = $4 AND c.phone IS NOT NULL AND c.archived_at IS NULL
      AND c.contact_id IN (SELECT m.contact_id FROM membership m WHERE m.account_id = $1 AND m.group_id = ANY ($5::bigint[]))
      AND NOT EXISTS (
          SELECT FROM membership x
          WHERE x.account_id = $1 AND x.contact_id = c.contact_id AND x.group_id = ANY ($6::bigint[])
      )
      AND ($7::boolean OR c.phone NOT IN (
          SELECT n.address FROM recipient n WHERE n.shard_key = $1 AND n.sending_id = $2 AND n.position <= $3
      ))
    RETURNING 1
)
SELECT count(*) FROM made;
