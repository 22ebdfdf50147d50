-- Blocking calls, what is said of a block, feeds of new contacts, and tokens.

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

CREATE TABLE access_token (
    account_id    bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    token_hash    bytea NOT NULL,
    credential_id bigint NOT NULL,
    scopes        text[] NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, token_hash)
);
CREATE INDEX access_token_credential ON access_token (account_id, credential_id, expires_at);
