-- What a dialect keeps of an audience beyond its name, who is archived in it, and its imports' order.

ALTER TABLE audience ADD COLUMN updated_at timestamptz;
ALTER TABLE audience ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}';

ALTER TABLE contact ADD COLUMN archived_at timestamptz;

CREATE INDEX contact_import_audience ON contact_import (account_id, audience_id, import_id);

-- Writers of contacts wait while these are built: a minute for ten million.
CREATE INDEX contact_phone_digest ON contact (account_id, audience_id, (md5(phone)::uuid)) WHERE phone IS NOT NULL;
CREATE INDEX contact_email_digest ON contact (account_id, audience_id, (md5(email)::uuid)) WHERE email IS NOT NULL;
