-- Blocking calls, what is said of a block, and feeds of new contacts.

-- NOT VALID: what is there meets the narrower condition that it replaces, so nothing has to be read.
ALTER TABLE suppression DROP CONSTRAINT suppression_channel_check;
ALTER TABLE suppression ADD CONSTRAINT suppression_channel_check CHECK (channel IN ('sms', 'email', 'voice')) NOT VALID;
ALTER TABLE suppression_entry DROP CONSTRAINT suppression_entry_channel_check;
ALTER TABLE suppression_entry ADD CONSTRAINT suppression_entry_channel_check
    CHECK (channel IN ('sms', 'email', 'voice')) NOT VALID;

ALTER TABLE suppression ADD COLUMN description text;

CREATE TABLE contact_feed (
    account_id      bigint NOT NULL,
    audience_id     bigint NOT NULL,
    credential_id   bigint NOT NULL,
    last_contact_id bigint NOT NULL,
    PRIMARY KEY (account_id, audience_id, credential_id),
    FOREIGN KEY (account_id, audience_id) REFERENCES audience ON DELETE CASCADE
);
