-- The version before went on without it since 0032.
INSERT INTO unsubscription (account_id, audience_id, contact_id, channel, unsubscribed_at, source, actor)
SELECT c.account_id, c.audience_id, c.contact_id, v.channel, c.updated_at, 'upgrade', 'upgrade'
FROM contact c
CROSS JOIN LATERAL (VALUES ('sms', c.sms_status), ('email', c.email_status)) AS v (channel, status)
WHERE v.status IN (3, 6)
ON CONFLICT (account_id, audience_id, contact_id, channel) DO NOTHING;

DELETE FROM unsubscription u
USING contact c
WHERE c.account_id = u.account_id AND c.audience_id = u.audience_id AND c.contact_id = u.contact_id
  AND CASE u.channel WHEN 'sms' THEN c.sms_status ELSE c.email_status END NOT IN (3, 6);

-- Sample rows (account 0) have no contacts.
DELETE FROM unsubscription u
WHERE u.account_id > 0 AND NOT EXISTS (
    SELECT FROM contact c WHERE c.account_id = u.account_id AND c.audience_id = u.audience_id AND c.contact_id = u.contact_id
);
