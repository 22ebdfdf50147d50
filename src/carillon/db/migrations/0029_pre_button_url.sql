-- Where a button of an instant message leads, where that is the recipient's own.

ALTER TABLE message ADD COLUMN button_url text;
