-- A contact has a token for each of the caller's applications on a platform, and one that belongs to none of them.

CREATE UNIQUE INDEX device_application ON device (account_id, audience_id, contact_id, platform, application) NULLS NOT DISTINCT;
DROP INDEX device_contact;
