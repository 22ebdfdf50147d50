-- One-time passwords, and values of messages that stand nowhere readable.

ALTER TABLE sending ADD sealed bytea;

-- A row is the password of a reference; a later one of the same reference takes its place.
CREATE TABLE otp (
    account_id   bigint NOT NULL,
    dialect      text NOT NULL,          -- whose client made it: each has references of its own
    reference    text NOT NULL,          -- what it is checked by
    otp_id       uuid NOT NULL,
    recipient    text COLLATE "C" NOT NULL, -- E.164 digits, or an e-mail
    digest       bytea NOT NULL,         -- of the code, keyed (otp/codes.py)
    superseded   bytea[] NOT NULL,       -- those of the reference's passwords before it, the latest first
    state        text NOT NULL CHECK (state IN (
        'pending',                       -- -> verified, expired
        'verified',                      -- final
        'expired'                        -- final; one that is over is pending until its worker has come
    )),
    attempts     smallint NOT NULL,      -- checks so far, one more than max_attempts at most
    max_attempts smallint NOT NULL CHECK (max_attempts > 0),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,            -- NULL: pending
    sendings     uuid[] NOT NULL,        -- what it was sent by, the latest last
    stale        uuid[] NOT NULL,        -- what superseded ones were sent by, until that is ended
    hedge_at     timestamptz,            -- when it is sent again, unless it has arrived; NULL: never
    due_at       timestamptz NOT NULL,   -- when the worker comes: to hedge, to end it, to delete it
    leased_until timestamptz,            -- real time
    claims       integer NOT NULL,       -- proves a claim, as Claimed.attempt
    PRIMARY KEY (account_id, dialect, reference),
    CHECK (attempts BETWEEN 0 AND max_attempts + 1)
) WITH (fillfactor = 50);
CREATE INDEX otp_due ON otp (account_id, due_at);

-- What one-time passwords are limited by: what happened in the present window and in the one before it.
CREATE TABLE otp_counter (
    account_id   bigint NOT NULL,
    kind         text NOT NULL,          -- a value of otp/counters.py
    subject      text COLLATE "C" NOT NULL, -- a recipient, the beginning of numbers, a network, a reference, a country
    window_at    timestamptz NOT NULL,   -- when the present window began
    span         interval NOT NULL,      -- how long a window is
    before       bigint NOT NULL,
    present      bigint NOT NULL,
    PRIMARY KEY (account_id, kind, subject)
) WITH (fillfactor = 50);
CREATE INDEX otp_counter_over ON otp_counter (account_id, span, window_at);

-- What an account has instead of the defaults of otp/limits.py.
CREATE TABLE otp_limit (
    account_id bigint NOT NULL,
    name       text NOT NULL,
    value      text NOT NULL,
    PRIMARY KEY (account_id, name)
);

ALTER TABLE otp ALTER account_id SET (n_distinct = 1), ALTER dialect SET (n_distinct = 1);
ALTER TABLE otp_counter ALTER account_id SET (n_distinct = 1), ALTER kind SET (n_distinct = 1);
