-- Reads the table, but lets everybody write meanwhile.
ALTER TABLE contact VALIDATE CONSTRAINT contact_sms_status_check;
ALTER TABLE contact VALIDATE CONSTRAINT contact_email_status_check;
