-- fragment: columns
c.contact_id, c.external_id, c.phone, c.email, c.email_given, c.landline, c.sms_status, c.email_status, c.created_at,
       c.updated_at, c.archived_at, c.fields

-- fragment: devices
-- A token's length is in front of it: the application follows it.
ARRAY(SELECT d.platform || ':' || length(d.token) || ':' || d.token || coalesce(d.application, '')
             FROM device d
             WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id
             ORDER BY d.platform, d.application NULLS FIRST) AS devices

-- fragment: groups
ARRAY(SELECT g.group_id || ':' || g.number || ':' || g.name
             FROM membership m
             JOIN contact_group g ON g.account_id = $1 AND g.group_id = m.group_id
             WHERE m.account_id = $1 AND m.contact_id = c.contact_id
             ORDER BY m.group_id) AS groups

-- fragment: consents
ARRAY(SELECT k.purpose || ':' || k.channel || ':' || k.granted
             FROM consent k
             WHERE k.account_id = $1 AND k.audience_id = $2 AND k.contact_id = c.contact_id
             ORDER BY k.purpose, k.channel) AS consents

-- name: find_contact
-- By one key, which its index finds at half the cost of arrays; an id comes as a text, as the other keys do.
SELECT {columns},
       {devices}
       /* groups: */, {groups} /* :groups */
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2
  /* phone: */ AND c.phone = $3 /* :phone */
  /* email: */ AND c.email = $3 /* :email */
  /* external_id: */ AND c.external_id = $3 /* :external_id */
  /* contact_id: */ AND c.contact_id = $3::text::bigint /* :contact_id */
ORDER BY c.contact_id;

-- name: find_contacts
SELECT {columns},
       {devices}
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2
  AND (c.phone = ANY ($3::text[]) OR c.email = ANY ($4::text[]) OR c.external_id = ANY ($5::text[])
       OR c.contact_id = ANY ($6::bigint[]))
ORDER BY c.contact_id;

-- name: find_by_digest
SELECT {columns},
       {devices},
       {groups},
       {consents}
FROM contact c
WHERE c.account_id = $1 AND c.audience_id = $2
  AND ((c.phone IS NOT NULL AND md5(c.phone)::uuid = $3) OR (c.email IS NOT NULL AND md5(c.email)::uuid = $3))
ORDER BY c.contact_id;

-- name: contacts
-- Ids are below 2^53. Of a range with two ends that it doesn't know the planner expects few rows, and so walks along the index
-- from the place; of one with a single end it expects a third of an audience, and may sort the whole of it for a page. Where
-- there are conditions, the index of one of them may be the better way.
-- The contacts of a page are chosen first, so that nothing is looked up for those before it. The place is said of both sides of
-- the join, so that whichever is walked begins there.
SELECT {columns}
       /* devices: */, {devices} /* :devices */
       /* groups: */, {groups} /* :groups */
       /* consents: */, {consents} /* :consents */
FROM (
    SELECT {columns}
    FROM contact c
    /* group: */ JOIN membership m ON m.account_id = $1 AND m.contact_id = c.contact_id /* :group */
    WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id > $3
      /* all: */ AND c.contact_id <= $3 + 9007199254740992 /* :all */
      /* group: */ AND m.group_id = $6 AND m.contact_id > $3 /* :group */
      /* present: */ AND c.archived_at IS NULL /* :present */
      /* where */
    ORDER BY /* order */ c.contact_id
    LIMIT $4 OFFSET $5
) c
ORDER BY /* order */ c.contact_id;

-- name: count_contacts
SELECT count(*)
FROM contact c
/* group: */ JOIN membership m ON m.account_id = $1 AND m.contact_id = c.contact_id /* :group */
WHERE c.account_id = $1 AND c.audience_id = $2
  /* group: */ AND m.group_id = $3 /* :group */
  /* present: */ AND c.archived_at IS NULL /* :present */
  /* where */;

-- name: group_exists
SELECT EXISTS (SELECT FROM contact_group WHERE account_id = $1 AND audience_id = $2 AND group_id = $3);
