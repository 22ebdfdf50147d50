-- When, through what, by whom and why contacts have unsubscribed from their audience. What is there already was not kept: of it the
-- last change of the contact is known.
-- No foreign key: on a cluster it is made beside tables that are distributed already.
CREATE TABLE unsubscription (
    account_id      bigint NOT NULL,
    audience_id     bigint NOT NULL,
    contact_id      bigint NOT NULL,
    channel         text NOT NULL CHECK (channel IN ('sms', 'email')),
    unsubscribed_at timestamptz NOT NULL,
    source          text NOT NULL,
    actor           text NOT NULL,
    reason          text,
    said_again_at   timestamptz,
    PRIMARY KEY (account_id, audience_id, contact_id, channel)
);
ALTER TABLE unsubscription ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
-- A table that was ever found empty gets plans that read it whole (ADR 11).
INSERT INTO unsubscription (account_id, audience_id, contact_id, channel, unsubscribed_at, source, actor)
SELECT 0, 0, n, 'sms', 'epoch', '', '' FROM generate_series(1, 1000) n;
ANALYZE unsubscription;

-- When a suppression was last asked for once more.
ALTER TABLE suppression ADD COLUMN said_again_at timestamptz;

INSERT INTO unsubscription (account_id, audience_id, contact_id, channel, unsubscribed_at, source, actor)
SELECT c.account_id, c.audience_id, c.contact_id, v.channel, c.updated_at, 'upgrade', 'upgrade'
FROM contact c
CROSS JOIN LATERAL (VALUES ('sms', c.sms_status), ('email', c.email_status)) AS v (channel, status)
WHERE v.status IN (3, 6);
