-- A suppressed contact keeps its own standing: 4 is subscribed but for the suppression, 5 unconfirmed but for it.

-- NOT VALID: what is there meets the narrower condition that it replaces, so nothing has to be read.
ALTER TABLE contact DROP CONSTRAINT contact_sms_status_check;
ALTER TABLE contact ADD CONSTRAINT contact_sms_status_check CHECK (sms_status BETWEEN 0 AND 5) NOT VALID;
ALTER TABLE contact DROP CONSTRAINT contact_email_status_check;
ALTER TABLE contact ADD CONSTRAINT contact_email_status_check CHECK (email_status BETWEEN 0 AND 5) NOT VALID;
