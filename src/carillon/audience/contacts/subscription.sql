-- name: confirm
-- An unsubscribed contact stays so; a suppressed status is kept 3 higher, and where there is no address, unconfirmed is 7.
UPDATE contact c
SET sms_status = n.sms_status, email_status = n.email_status, updated_at = $3
FROM (
    SELECT o.contact_id,
           CASE WHEN o.sms_status IN (1, 2) THEN $5 WHEN o.sms_status IN (4, 5) THEN $5 + 3
                WHEN o.sms_status IN (0, 7) THEN 7 * ($5 - 1) ELSE o.sms_status END AS sms_status,
           CASE WHEN o.email_status IN (1, 2) THEN $5 WHEN o.email_status IN (4, 5) THEN $5 + 3
                WHEN o.email_status IN (0, 7) THEN 7 * ($5 - 1) ELSE o.email_status END AS email_status
    FROM contact o
    WHERE o.account_id = $1 AND o.audience_id = $2 AND o.contact_id = $4
) n
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = n.contact_id
  AND (n.sms_status, n.email_status) <> (c.sms_status, c.email_status);

-- name: change_subscriptions
-- NULL leaves a status as it is. A status is kept 3 higher while the address is suppressed ($8, $9), or
-- left as it is ($10); 3 itself is unsubscribed anyway. Where there is no address, unsubscribed is 6 and unconfirmed 7, until there is one. Only what changes is written.
UPDATE contact c
SET sms_status = n.sms_status, email_status = n.email_status, archived_at = n.archived_at, updated_at = $3
FROM (
    SELECT o.contact_id,
           CASE WHEN s.sms IS NULL THEN o.sms_status WHEN o.phone IS NULL THEN (ARRAY[0, 7, 6])[s.sms]
                WHEN s.sms < 3 AND o.phone = ANY ($8::text[]) THEN CASE WHEN $10 THEN o.sms_status ELSE s.sms + 3 END
                ELSE s.sms END AS sms_status,
           CASE WHEN s.email IS NULL THEN o.email_status WHEN o.email IS NULL THEN (ARRAY[0, 7, 6])[s.email]
                WHEN s.email < 3 AND o.email = ANY ($9::text[]) THEN CASE WHEN $10 THEN o.email_status ELSE s.email + 3 END
                ELSE s.email END AS email_status,
           CASE WHEN s.archived IS NULL THEN o.archived_at
                WHEN s.archived THEN coalesce(o.archived_at, $3::timestamptz) END AS archived_at
    FROM unnest($4::bigint[], $5::smallint[], $6::smallint[], $7::boolean[]) AS s (contact_id, sms, email, archived)
    JOIN contact o ON o.account_id = $1 AND o.audience_id = $2 AND o.contact_id = s.contact_id
) n
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.contact_id = n.contact_id
  AND (n.sms_status, n.email_status, n.archived_at) IS DISTINCT FROM (c.sms_status, c.email_status, c.archived_at)
RETURNING c.contact_id;

-- name: statuses_of
SELECT contact_id, sms_status, email_status, phone, email, archived_at
FROM contact
WHERE account_id = $1 AND audience_id = $2 AND contact_id = ANY ($3::bigint[]);
