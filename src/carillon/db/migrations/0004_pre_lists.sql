-- What a dialect keeps of an audience beyond its name, and who is archived in it.

ALTER TABLE audience ADD COLUMN updated_at timestamptz;
ALTER TABLE audience ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}';

ALTER TABLE contact ADD COLUMN archived_at timestamptz;
