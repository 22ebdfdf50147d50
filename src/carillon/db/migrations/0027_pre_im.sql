-- Instant messages: what follows where one fails, and the allowances that pay for them.

ALTER TABLE credential ADD COLUMN sender_defaults jsonb NOT NULL DEFAULT '{}';

ALTER TABLE message ADD COLUMN channel text;
ALTER TABLE message ADD COLUMN seen_at timestamptz;
ALTER TABLE message ADD COLUMN fallback jsonb;
ALTER TABLE message ADD COLUMN subscription_id bigint;
ALTER TABLE message ADD COLUMN failed_carrier_id bigint;

CREATE TABLE subscription (
    account_id      bigint NOT NULL,
    subscription_id bigint NOT NULL,
    channel         text NOT NULL,
    sender          text NOT NULL,
    total           bigint NOT NULL CHECK (total >= 0),
    used            bigint NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND total),
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    shared          boolean NOT NULL DEFAULT false,
    disabled        boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, subscription_id)
) WITH (fillfactor = 50);
CREATE INDEX subscription_sender ON subscription (account_id, channel, sender);

CREATE TABLE attempt (
    shard_key    bigint NOT NULL,
    message_id   uuid NOT NULL,
    sending_id   uuid NOT NULL,
    carrier_id   bigint,
    subscription_id bigint,
    submitted_at timestamptz,
    ended_at     timestamptz NOT NULL,
    price        bigint NOT NULL,
    vat          bigint NOT NULL,
    parts        smallint NOT NULL,
    channel      text NOT NULL,
    state        text NOT NULL,
    money        text NOT NULL,
    reason       text,
    text         text,
    PRIMARY KEY (shard_key, message_id, channel)
) PARTITION BY RANGE (message_id);

INSERT INTO id_block (sequence, next_id) VALUES ('subscription', 1);
