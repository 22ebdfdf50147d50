-- Signatures of calls that change something, until their dates are too old to be accepted anyway: each is taken once, but for a retry.
CREATE TABLE signed_call (
    account_id    bigint NOT NULL,
    signature     uuid NOT NULL,
    first_seen_at timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, signature)
);
CREATE INDEX signed_call_expiry ON signed_call (account_id, expires_at);
