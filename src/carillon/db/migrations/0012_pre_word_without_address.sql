-- A contact's word on a channel is kept while it has no address there: 6 is none, else unsubscribed, 7 none, else unconfirmed.

-- NOT VALID: what is there meets the narrower condition that it replaces, so nothing has to be read.
ALTER TABLE contact DROP CONSTRAINT contact_sms_status_check;
ALTER TABLE contact ADD CONSTRAINT contact_sms_status_check CHECK (sms_status BETWEEN 0 AND 7) NOT VALID;
ALTER TABLE contact DROP CONSTRAINT contact_email_status_check;
ALTER TABLE contact ADD CONSTRAINT contact_email_status_check CHECK (email_status BETWEEN 0 AND 7) NOT VALID;
