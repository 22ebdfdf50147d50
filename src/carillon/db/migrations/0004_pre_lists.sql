-- What a dialect keeps of an audience beyond its name, who is archived in it, and its imports' order.

ALTER TABLE audience ADD COLUMN updated_at timestamptz;
ALTER TABLE audience ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}';

ALTER TABLE contact ADD COLUMN archived_at timestamptz;

CREATE INDEX contact_import_audience ON contact_import (account_id, audience_id, import_id);
