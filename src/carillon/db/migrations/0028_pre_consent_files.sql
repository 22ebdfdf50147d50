-- Addresses of contacts that were unsubscribed in an audience when they were removed.
CREATE TABLE removed_unsubscribe (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    channel     text NOT NULL CHECK (channel IN ('sms', 'email')),
    digest      bytea NOT NULL,
    removed_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, audience_id, channel, digest)
);
ALTER TABLE removed_unsubscribe ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
