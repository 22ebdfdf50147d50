-- Until now who was unsubscribed was so by a suppression alone: when that is lifted, it is subscribed.

UPDATE contact c SET sms_status = 4
FROM suppression s
WHERE s.channel = 'sms' AND c.account_id = s.account_id AND c.phone = s.address AND c.sms_status = 3;
UPDATE contact c SET email_status = 4
FROM suppression s
WHERE s.channel = 'email' AND c.account_id = s.account_id AND c.email = s.address AND c.email_status = 3;

-- Reads the table, but lets everybody write meanwhile.
ALTER TABLE contact VALIDATE CONSTRAINT contact_sms_status_check;
ALTER TABLE contact VALIDATE CONSTRAINT contact_email_status_check;
