-- Audiences of several kinds, whose idle contacts may be swept, with what a dialect says of them; devices of several applications.

ALTER TABLE audience ADD COLUMN kind text NOT NULL DEFAULT 'standard';
ALTER TABLE audience ADD CONSTRAINT audience_kind_check CHECK (kind IN ('standard', 'stoplist', 'push'));
ALTER TABLE audience ADD COLUMN idle_days integer;

ALTER TABLE device ADD COLUMN application text;
