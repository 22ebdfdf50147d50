-- What names a contact's public forms.

CREATE TABLE form_token (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    contact_id  bigint NOT NULL,
    profile     text COLLATE "C" NOT NULL,
    unsubscribe text COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, audience_id, contact_id)
);
CREATE UNIQUE INDEX form_token_profile ON form_token (account_id, audience_id, profile);
CREATE UNIQUE INDEX form_token_unsubscribe ON form_token (account_id, audience_id, unsubscribe);
ALTER TABLE form_token ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
