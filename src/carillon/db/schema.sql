-- The canonical picture of the schema. `tests/upgrade` proves it equal to the sum of the migrations.
-- Rules: scale.md (account_id first in every key, no triggers, no sequences, foreign keys only between low-rate tables).
-- Ids are integers below 2^53 from id_block; a UUID is a version 7 made by the application. Times are UTC, given as parameters.

-- Control tables: they stay on the coordinator. --------------------------------------------------------------------------

CREATE TABLE schema_migration (
    version    text PRIMARY KEY,
    applied_at timestamptz NOT NULL
);

CREATE TABLE id_block (
    sequence text PRIMARY KEY,   -- account, credential, audience, contact, group, suppression, campaign, sending_number, carrier …
    next_id  bigint NOT NULL     -- the first id that no process has taken
);

-- Tenancy. ---------------------------------------------------------------------------------------------------------------

CREATE TABLE account (
    account_id bigint PRIMARY KEY,
    name       text NOT NULL,
    country    text NOT NULL,        -- ISO 3166 alpha-2
    time_zone  text NOT NULL,        -- IANA
    currency   text NOT NULL,        -- ISO 4217
    status     text NOT NULL CHECK (status IN (
        'active',                    -- -> not_active, locked
        'not_active',                -- -> active, locked
        'locked'                     -- -> active, not_active
    )),
    created_at timestamptz NOT NULL,
    clock_offset interval NOT NULL DEFAULT '0', -- how far the account's clock is ahead of the real time
    sandbox    boolean NOT NULL DEFAULT false, -- its messages go to the simulator only
    spam_window interval NOT NULL DEFAULT '0', -- how long the same text to the same number is refused
    human_clicks_only boolean NOT NULL DEFAULT false -- callbacks tell no clicks of machines
);

CREATE TABLE credential (
    account_id       bigint NOT NULL,
    credential_id    bigint NOT NULL,
    audience_id      bigint NOT NULL,     -- what a flat dialect works in
    dialect          text NOT NULL,
    key_name         text NOT NULL,       -- the public half: a user name, a token, a client id, or a key's first characters
    secret_hash      bytea NOT NULL,      -- SHA-256 of the secret half, which is random and long
    sealed_secret    bytea,               -- what must be recoverable (an HMAC secret), encrypted with a key outside the database
    scopes           text[] NOT NULL,     -- none: everything
    allowed_networks cidr[] NOT NULL,     -- none: from anywhere
    calls_per_second double precision,    -- NULL: the dialect's own default; 0: no limit
    expires_at       timestamptz,
    revoked_at       timestamptz,
    created_at       timestamptz NOT NULL,
    confined         boolean,             -- reaches no other audience; NULL (made before 0022): unless its one is the default
    traffic_class    smallint CHECK (traffic_class BETWEEN 1 AND 3), -- of what it sends, as in message; NULL: the dialect's own
    sender_defaults  jsonb NOT NULL DEFAULT '{}', -- im_sender, im_channel: texts, of what names none
    PRIMARY KEY (account_id, credential_id)
);
CREATE INDEX credential_by_key ON credential (dialect, key_name);

-- Apart from the credential, which is read at every call and must stay cold (scale.md, Tables 7).
CREATE TABLE credential_use (
    account_id    bigint NOT NULL,
    credential_id bigint NOT NULL,
    last_used_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, credential_id)
);

-- Given to a credential's client for a while; the token itself carries the account.
CREATE TABLE access_token (
    account_id    bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    token_hash    bytea NOT NULL,        -- SHA-256
    credential_id bigint NOT NULL,
    scopes        text[] NOT NULL,       -- the dialect's; none: everything
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, token_hash)
);
CREATE INDEX access_token_credential ON access_token (account_id, credential_id, expires_at);

-- Signatures of calls that change something, until their dates are too old to be accepted anyway: each is taken once, but for a retry.
CREATE TABLE signed_call (
    account_id    bigint NOT NULL,
    signature     uuid NOT NULL,         -- the first half of its SHA-256
    first_seen_at timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, signature)
);
CREATE INDEX signed_call_expiry ON signed_call (account_id, expires_at);

CREATE TABLE audit_entry (
    account_id bigint NOT NULL,
    entry_id   uuid NOT NULL,
    at         timestamptz NOT NULL,
    source     text NOT NULL,        -- API, file, CLI, worker
    actor      text NOT NULL,        -- who stood in it
    action     text NOT NULL,        -- credential.create, group.delete …
    subject    text NOT NULL,        -- the id of what was changed
    detail     jsonb NOT NULL,       -- what changed; no addresses, no secrets
    PRIMARY KEY (account_id, entry_id)
);

-- Audience. --------------------------------------------------------------------------------------------------------------

CREATE TABLE audience (
    account_id  bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    audience_id bigint NOT NULL,
    name        text NOT NULL,
    country     text NOT NULL,       -- reads national numbers
    is_default  boolean NOT NULL,
    created_at  timestamptz NOT NULL,
    groups_made bigint NOT NULL DEFAULT 0,  -- the number of the latest group: numbers are never given twice
    updated_at  timestamptz,         -- the last change of what it is shown with: columns, fields, purposes, group sets
    attributes  jsonb NOT NULL DEFAULT '{}', -- what dialects keep of it, each under a key of its own
    kind        text NOT NULL DEFAULT 'standard' CHECK (kind IN (
        'standard',
        'stoplist',                  -- who is added is suppressed
        'push'                       -- of devices
    )),
    idle_days   integer,             -- contacts that did not change for so many days are swept; NULL: never
    double_opt_in text[] NOT NULL DEFAULT '{}' CHECK (double_opt_in <@ ARRAY['sms', 'email']), -- channels on which contacts confirm
    removed_channels text[] NOT NULL DEFAULT '{}' CHECK (removed_channels <@ ARRAY['sms', 'email']), -- with rows in removed_unsubscribe
    sender_defaults jsonb NOT NULL DEFAULT '{}', -- sms_sender, viber_sender, email_name, email_from, email_reply_to: texts
    -- Its row is the lock of everything in it: one writer at a time (scale.md, Statements 7).
    PRIMARY KEY (account_id, audience_id)
);
CREATE UNIQUE INDEX audience_default ON audience (account_id) WHERE is_default;

CREATE TABLE field (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    name        text NOT NULL,       -- the canonical name, a key of contact.fields
    kind        text NOT NULL CHECK (kind IN ('text', 'number', 'date', 'datetime', 'gender', 'boolean')),
    label       text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, audience_id, name),
    FOREIGN KEY (account_id, audience_id) REFERENCES audience ON DELETE CASCADE
);

-- What contacts can consent to. A consent names it by its key, which stays when the name changes.
CREATE TABLE consent_purpose (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    key         text COLLATE "C" NOT NULL,   -- letters, digits and _
    number      integer NOT NULL,            -- the order of their making
    name        text NOT NULL,
    description text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, audience_id, key)
);

CREATE TABLE contact (
    account_id    bigint NOT NULL,
    audience_id   bigint NOT NULL,
    contact_id    bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,      -- the last change of an attribute or a status
    phone_quality smallint,                  -- libphonenumber's verdict, see kit/phones.py
    sms_status    smallint NOT NULL CHECK (sms_status BETWEEN 0 AND 7),
    email_status  smallint NOT NULL CHECK (email_status BETWEEN 0 AND 7),
        -- 0 none (no address) -> 1, 3, 4, 6, 7 · 1 subscribed -> 0, 2, 3, 4 · 2 unconfirmed -> 1, 3, 5, 7 · 3 unsubscribed -> 1, 2, 4, 5, 6
        -- 4 suppressed, else subscribed -> 0, 1, 3, 5 · 5 suppressed, else unconfirmed -> 2, 3, 4, 7
        -- 6 none, else unsubscribed -> 0, 3, 7 · 7 none, else unconfirmed -> 0, 2, 5, 6
    phone         text COLLATE "C",          -- E.164 digits
    email         text COLLATE "C",          -- lower-cased
    external_id   text COLLATE "C",          -- the caller's own id
    email_given   text,                      -- as it was spelt, where that differs
    phone_region  text,                      -- ISO 3166 alpha-2, by the number's range
    landline      text,
    fields        jsonb NOT NULL,            -- by canonical name; a key that is absent is empty
    archived_at   timestamptz,               -- kept, and not written to
    PRIMARY KEY (account_id, audience_id, contact_id)
) WITH (fillfactor = 70);                    -- room for updates that touch no index: twice as fast (bench/import_contacts.py)
CREATE UNIQUE INDEX contact_phone ON contact (account_id, audience_id, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX contact_email ON contact (account_id, audience_id, email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX contact_external_id ON contact (account_id, audience_id, external_id) WHERE external_id IS NOT NULL;
-- Some vendors name a contact by the MD5 of its address; as a uuid it takes half the room of its digits.
CREATE INDEX contact_phone_digest ON contact (account_id, audience_id, (md5(phone)::uuid)) WHERE phone IS NOT NULL;
CREATE INDEX contact_email_digest ON contact (account_id, audience_id, (md5(email)::uuid)) WHERE email IS NOT NULL;

-- What was refused at an address when its contact was removed, or left it. The digest is SHA-256 of account:audience:channel:address.
CREATE TABLE removed_unsubscribe (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    channel     text NOT NULL CHECK (channel IN ('sms', 'email')),
    digest      bytea NOT NULL,
    removed_at  timestamptz NOT NULL,
    purpose     text COLLATE "C" NOT NULL DEFAULT '', -- whose consent was refused; empty: it is about the audience
    status      smallint NOT NULL DEFAULT 3 CHECK (status IN (2, 3)), -- of the contact: unconfirmed, which counts for files, or unsubscribed
    PRIMARY KEY (account_id, audience_id, channel, digest, purpose)
);

-- What a contact said of a purpose on a channel, last; no row: nothing.
CREATE TABLE consent (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    contact_id  bigint NOT NULL,
    purpose     text COLLATE "C" NOT NULL,   -- the key
    channel     text NOT NULL CHECK (channel IN ('sms', 'email')),
    granted     boolean NOT NULL,
    given_at    timestamptz NOT NULL,
    source      text NOT NULL,               -- API; upgrade: it was kept otherwise before, and given_at is the contact's last change
    actor       text NOT NULL,
    PRIMARY KEY (account_id, audience_id, contact_id, purpose, channel)
);

-- How a contact came to be unsubscribed on a channel: a row while its own status is that (3 or 6), whatever lies over it.
CREATE TABLE unsubscription (
    account_id      bigint NOT NULL,
    audience_id     bigint NOT NULL,
    contact_id      bigint NOT NULL,
    channel         text NOT NULL CHECK (channel IN ('sms', 'email')),
    unsubscribed_at timestamptz NOT NULL,
    source          text NOT NULL,               -- API, CLI, file; removed: its address was one's that was removed, and unsubscribed_at is when;
                                                 -- upgrade: it was not kept before, and unsubscribed_at is the contact's last change
    actor           text NOT NULL,
    reason          text,
    said_again_at   timestamptz,                 -- when it was last said once more; a file that began before doesn't take it back
    PRIMARY KEY (account_id, audience_id, contact_id, channel)
);

CREATE TABLE device (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    token       text COLLATE "C" NOT NULL,
    contact_id  bigint NOT NULL,
    platform    text NOT NULL CHECK (platform IN ('android', 'ios')),
    updated_at  timestamptz NOT NULL,
    application text,                -- which application of the caller's the token belongs to
    PRIMARY KEY (account_id, audience_id, token)
);
CREATE UNIQUE INDEX device_application ON device (account_id, audience_id, contact_id, platform, application) NULLS NOT DISTINCT;

-- The public forms of a contact are named by these: random, made when they are first asked for, and kept from then on.
CREATE TABLE form_token (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    contact_id  bigint NOT NULL,
    profile     text COLLATE "C" NOT NULL,       -- opens the form that shows and changes the contact
    unsubscribe text COLLATE "C" NOT NULL,       -- opens the one that unsubscribes it, and nothing else
    PRIMARY KEY (account_id, audience_id, contact_id)
);
CREATE UNIQUE INDEX form_token_profile ON form_token (account_id, audience_id, profile);
CREATE UNIQUE INDEX form_token_unsubscribe ON form_token (account_id, audience_id, unsubscribe);

-- A named choice among groups.
CREATE TABLE group_set (
    account_id   bigint NOT NULL,
    audience_id  bigint NOT NULL,
    group_set_id uuid NOT NULL,
    number       integer NOT NULL,       -- the order of their making
    name         text NOT NULL,
    selection    text NOT NULL CHECK (selection IN ('single', 'multiple')), -- how many of its groups a contact is meant to be in
    attributes   jsonb NOT NULL,         -- what dialects keep of it, each under a key of its own
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, group_set_id)
);
CREATE INDEX group_set_audience ON group_set (account_id, audience_id);

CREATE TABLE contact_group (
    account_id     bigint NOT NULL,
    group_id       bigint NOT NULL,
    audience_id    bigint NOT NULL,
    number         bigint NOT NULL,    -- counts up within the audience, see audience.groups_made
    name           text NOT NULL,
    name_key       text NOT NULL,      -- the name, trimmed and case-folded: names are compared by it, and may repeat
    description    text,
    kind           text NOT NULL CHECK (kind IN ('static')),
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    -- Counters, moved in the transaction that moves what they count.
    members        bigint NOT NULL,
    reachable      bigint NOT NULL,    -- members that any channel reaches
    reachable_sms  bigint NOT NULL,
    reachable_email bigint NOT NULL,
    reachable_android bigint NOT NULL,
    reachable_ios  bigint NOT NULL,
    group_set_id   uuid,
    attributes     jsonb NOT NULL DEFAULT '{}', -- what dialects keep of it, each under a key of its own
    PRIMARY KEY (account_id, group_id),
    FOREIGN KEY (account_id, audience_id) REFERENCES audience ON DELETE CASCADE
) WITH (fillfactor = 50);              -- counters change often and must not leave their page
CREATE UNIQUE INDEX contact_group_number ON contact_group (account_id, audience_id, number);
CREATE INDEX contact_group_name ON contact_group (account_id, audience_id, name_key);

CREATE TABLE membership (
    account_id bigint NOT NULL,
    group_id   bigint NOT NULL,
    contact_id bigint NOT NULL,
    PRIMARY KEY (account_id, group_id, contact_id)
);
CREATE INDEX membership_contact ON membership (account_id, contact_id, group_id);

CREATE TABLE suppression (
    account_id     bigint NOT NULL,
    channel        text NOT NULL CHECK (channel IN ('sms', 'email', 'voice')),
    address        text COLLATE "C" NOT NULL,    -- phone digits or a lower-cased e-mail
    suppression_id bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    source         text NOT NULL,
    actor          text NOT NULL,
    reason         text NOT NULL,
    description    text,
    said_again_at  timestamptz,                  -- when it was last asked for once more; a file that began before doesn't lift it
    PRIMARY KEY (account_id, channel, address)
);
CREATE UNIQUE INDEX suppression_order ON suppression (account_id, channel, suppression_id);

-- Append-only: every unsubscribe and reactivation, for ever.
CREATE TABLE suppression_entry (
    account_id bigint NOT NULL,
    entry_id   bigint NOT NULL,
    channel    text NOT NULL CHECK (channel IN ('sms', 'email', 'voice')),
    address    text COLLATE "C" NOT NULL,
    action     text NOT NULL CHECK (action IN ('unsubscribe', 'reactivate')),
    at         timestamptz NOT NULL,
    source     text NOT NULL,
    actor      text NOT NULL,
    reason     text NOT NULL,
    PRIMARY KEY (account_id, entry_id)
);
CREATE INDEX suppression_entry_address ON suppression_entry (account_id, channel, address, entry_id);

-- How far a credential has read the contacts that were made in an audience.
CREATE TABLE contact_feed (
    account_id      bigint NOT NULL,
    audience_id     bigint NOT NULL,
    credential_id   bigint NOT NULL,
    last_contact_id bigint NOT NULL,
    PRIMARY KEY (account_id, audience_id, credential_id),
    FOREIGN KEY (account_id, audience_id) REFERENCES audience ON DELETE CASCADE
);

-- One accepted batch: an API upload (its rows in payload until it is processed) or a file (its progress).
CREATE TABLE contact_import (
    account_id  bigint NOT NULL,
    import_id   uuid NOT NULL,
    audience_id bigint NOT NULL,
    source      text NOT NULL,             -- API, file
    actor       text NOT NULL,
    state       text NOT NULL CHECK (state IN (
        'pending',                         -- -> running; accepted, nothing done yet
        'running',                         -- -> done, failed, running again when its lease ends
        'done',                            -- the report is final
        'failed'                           -- no more attempts; retry_upload begins again
    )),
    attempts    integer NOT NULL,
    leased_until timestamptz,
    created_at  timestamptz NOT NULL,
    finished_at timestamptz,
    payload     bytea,                     -- an upload's rows, encoded; NULL once done
    options     jsonb NOT NULL,            -- what its dialect keeps; unsubscribed: addresses by channel, until it is done (ADR 24)
    file_hash   text,                      -- SHA-256 of a file with its options: the same import isn't done twice
    progress    jsonb NOT NULL,            -- a file's place: byte offset, line, size of the rejects file
    rows        bigint NOT NULL,
    rows_new    bigint NOT NULL,
    rows_updated bigint NOT NULL,
    rows_unchanged bigint NOT NULL,
    rows_failed bigint NOT NULL,
    error_count bigint NOT NULL,
    errors      jsonb NOT NULL,            -- the first of them: row, field, code, value, message
    PRIMARY KEY (account_id, import_id)
) WITH (fillfactor = 70);
CREATE INDEX contact_import_due ON contact_import (account_id, import_id) WHERE state IN ('pending', 'running');
CREATE INDEX contact_import_audience ON contact_import (account_id, audience_id, import_id);
CREATE UNIQUE INDEX contact_import_file ON contact_import (account_id, audience_id, file_hash) WHERE file_hash IS NOT NULL;

-- Messaging. --------------------------------------------------------------------------------------------------------------

-- Everybody's: account_id 0 is every account. -----------------------------------------------------------------------------

CREATE TABLE carrier (
    account_id    bigint NOT NULL,       -- whose routes may name it; 0: every account's
    carrier_id    bigint NOT NULL,
    name          text NOT NULL,
    name_key      text NOT NULL,         -- case-folded
    kind          text NOT NULL CHECK (kind IN ('simulator', 'smpp', 'http', 'smtp')),
    channel       text NOT NULL CHECK (channel IN ('sms', 'im', 'email', 'voice')),
    url           text NOT NULL,         -- without a password
    options       jsonb NOT NULL,        -- texts by name, read by its kind
    sealed_secret bytea,
    per_second    double precision,      -- messages; NULL: as many as it takes
    state         text NOT NULL CHECK (state IN (
        'active',                        -- -> paused, deleted
        'paused',                        -- -> active, deleted
        'deleted'                        -- kept, as messages name it
    )),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, carrier_id)
);
CREATE UNIQUE INDEX carrier_name ON carrier (account_id, name_key) WHERE state <> 'deleted';

CREATE TABLE route (
    account_id    bigint NOT NULL,       -- 0: of every account that has none of its own that fits
    route_id      bigint NOT NULL,
    channel       text NOT NULL,
    prefix        text COLLATE "C" NOT NULL, -- the digits that an address begins with; empty: any
    sender        text,                  -- NULL: any
    traffic_class smallint,              -- NULL: any
    carriers      bigint[] NOT NULL,     -- in the order in which they are tried
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, route_id)
);

CREATE TABLE price (
    account_id    bigint NOT NULL,       -- 0: of every account that has none of its own on the channel
    channel       text NOT NULL,
    prefix        text COLLATE "C" NOT NULL,
    amount        bigint NOT NULL CHECK (amount >= 0),  -- micro-units of the account's currency, a part
    vat           integer NOT NULL CHECK (vat >= 0),    -- millionths of the amount
    capture       text NOT NULL CHECK (capture IN ('submit', 'delivery')),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, channel, prefix)
);

-- Control: on the coordinator. -----------------------------------------------------------------------------------------------

-- Who holds a connection to a carrier.
CREATE TABLE carrier_lease (
    carrier_id   bigint NOT NULL,
    slot         integer NOT NULL,       -- from 0 to the carrier's number of binds; below 0: the places of processes that want some
    holder       uuid NOT NULL,          -- a process
    leased_until timestamptz NOT NULL,   -- real time
    PRIMARY KEY (carrier_id, slot)
);

-- How a carrier fares in a country, as one process has seen it.
CREATE TABLE carrier_health (
    carrier_id bigint NOT NULL,
    country    text NOT NULL,            -- a calling code; empty: addresses that are no numbers
    holder     uuid NOT NULL,            -- the process
    noted_at   timestamptz NOT NULL,     -- real time; the figures have decayed up to it
    figures    jsonb NOT NULL,
    PRIMARY KEY (carrier_id, country, holder)
);

-- Receipts and replies whose message is not known (yet): a receipt may come before the answer of its submit.
CREATE TABLE parked_inbound (
    inbound_id  uuid PRIMARY KEY,
    carrier_id  bigint NOT NULL,
    reference   text NOT NULL,           -- empty for a reply
    content     jsonb NOT NULL,
    received_at timestamptz NOT NULL,    -- real time
    due_at      timestamptz NOT NULL,    -- when it is matched again
    expires_at  timestamptz NOT NULL
);
CREATE INDEX parked_inbound_due ON parked_inbound (due_at);
CREATE INDEX parked_inbound_reference ON parked_inbound (carrier_id, reference);

-- Of an account. -------------------------------------------------------------------------------------------------------------


-- A name over sendings, with their counters added up.
CREATE TABLE campaign (
    account_id  bigint NOT NULL,
    campaign_id bigint NOT NULL,
    sending_number bigint NOT NULL,      -- the number that vendors give the one sending that it shows
    name        text NOT NULL,           -- empty: what is sent without a name
    name_key    text NOT NULL,           -- case-folded
    channel     text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz,
    recipients  bigint NOT NULL DEFAULT 0,
    excluded    bigint NOT NULL DEFAULT 0,
    waiting     bigint NOT NULL DEFAULT 0,
    submitted   bigint NOT NULL DEFAULT 0,
    uncertain   bigint NOT NULL DEFAULT 0,
    delivered   bigint NOT NULL DEFAULT 0,
    undelivered bigint NOT NULL DEFAULT 0,
    expired     bigint NOT NULL DEFAULT 0,
    rejected    bigint NOT NULL DEFAULT 0,
    cancelled   bigint NOT NULL DEFAULT 0,
    unknown     bigint NOT NULL DEFAULT 0,
    sent        bigint NOT NULL DEFAULT 0,  -- that a carrier has taken, whatever became of them
    unsubscribed bigint NOT NULL DEFAULT 0,
    parts       bigint NOT NULL DEFAULT 0,
    cost        bigint NOT NULL DEFAULT 0,  -- captured, with VAT, in micro-units
    tags        text[] NOT NULL DEFAULT '{}', -- of its sendings, each once
    PRIMARY KEY (account_id, campaign_id)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX campaign_name ON campaign (account_id, channel, name_key);
CREATE UNIQUE INDEX campaign_sending ON campaign (account_id, sending_number);

-- Money, in micro-units of the account's currency. The balance is what the journal adds up to.
CREATE TABLE balance (
    account_id   bigint PRIMARY KEY,
    available    bigint NOT NULL,        -- may be below zero, down to the credit limit
    reserved     bigint NOT NULL CHECK (reserved >= 0),
    credit_limit bigint NOT NULL CHECK (credit_limit >= 0)
) WITH (fillfactor = 50);

-- Each row moves an amount from one ledger account to another: outside, available, reserved, revenue, vat.
CREATE TABLE journal_entry (
    account_id bigint NOT NULL,
    entry_id   uuid NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('credit', 'reserve', 'capture', 'release', 'refund')),
    debit      text NOT NULL,            -- where the amount goes to
    credit     text NOT NULL,            -- where it comes from
    amount     bigint NOT NULL CHECK (amount > 0),
    sending_id uuid,
    note       text,
    PRIMARY KEY (account_id, entry_id)
);

-- An allowance: so many messages of a sender on a channel, in a span of time, which are paid for already.
CREATE TABLE subscription (
    account_id      bigint NOT NULL,
    subscription_id bigint NOT NULL,
    channel         text NOT NULL,
    sender          text NOT NULL,
    total           bigint NOT NULL CHECK (total >= 0),
    used            bigint NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND total), -- messages that have it in message.subscription_id
    starts_at       timestamptz NOT NULL,    -- the account's time
    ends_at         timestamptz NOT NULL,    -- not included
    shared          boolean NOT NULL DEFAULT false, -- the sender is others' too: what is beyond the total is not sent
    disabled        boolean NOT NULL DEFAULT false, -- its sender may not send
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, subscription_id)
) WITH (fillfactor = 50);
CREATE INDEX subscription_sender ON subscription (account_id, channel, sender);

-- The sequence of an account's events: its row is locked until the events are committed, so that they become visible in order.
CREATE TABLE event_sequence (
    account_id bigint PRIMARY KEY,
    last       bigint NOT NULL
) WITH (fillfactor = 50);

-- Where an account's events are told to.
CREATE TABLE callback_endpoint (
    account_id  bigint NOT NULL,
    endpoint_id bigint NOT NULL,
    dialect     text NOT NULL,           -- in whose shape
    purpose     text NOT NULL,           -- status, reply …: what a dialect tells there
    url         text NOT NULL,
    url_hash    uuid NOT NULL,           -- the first half of its SHA-256
    created_at  timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,   -- that failed since one succeeded
    due_at      timestamptz,             -- when the head is tried (again), in the account's time; NULL: nothing waits
    leased_until timestamptz,            -- real time
    lease_attempt integer NOT NULL DEFAULT 0, -- claims so far: proves one, as Claimed.attempt
    PRIMARY KEY (account_id, endpoint_id)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX callback_endpoint_url ON callback_endpoint (account_id, dialect, purpose, url_hash);
CREATE INDEX callback_endpoint_due ON callback_endpoint (account_id, due_at) WHERE due_at IS NOT NULL;

-- What the simulated network does later: receipts and replies of sandbox accounts, in their time.
CREATE TABLE simulated_inbound (
    account_id bigint NOT NULL,
    inbound_id uuid NOT NULL,
    carrier_id bigint NOT NULL,
    due_at     timestamptz NOT NULL,
    content    jsonb NOT NULL,
    leased_until timestamptz,
    attempts   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, inbound_id)
);
CREATE INDEX simulated_inbound_due ON simulated_inbound (account_id, due_at);

-- The unit of work: messages of one sending that are due together, of one class, for one carrier. A row lives until all have an outcome.
CREATE TABLE chunk (
    account_id    bigint NOT NULL,
    chunk_id      uuid NOT NULL,
    sending_id    uuid NOT NULL,
    channel       text NOT NULL,
    carrier_id    bigint NOT NULL,
    traffic_class smallint NOT NULL,
    state         text NOT NULL CHECK (state IN (
        'due',                           -- -> claimed, held
        'held',                          -- its sending is paused -> due
        'claimed'                        -- -> gone; due again when its lease ends
    )),
    due_at        timestamptz NOT NULL,  -- the account's time
    attempts      integer NOT NULL,      -- submits of these messages that ended in a retry
    claims        integer NOT NULL,      -- proves a claim, as Claimed.attempt
    leased_until  timestamptz,           -- real time
    message_ids   uuid[] NOT NULL,       -- ascending, 200 at most
    in_flight     uuid[] NOT NULL,       -- those of them that are being submitted
    tried         bigint[] NOT NULL DEFAULT '{}', -- carriers of the route that failed to take them
    PRIMARY KEY (account_id, chunk_id)
);
-- Neither begins with the account, as for message: a chunk is always found by the primary key.
CREATE INDEX chunk_due ON chunk (traffic_class, account_id, carrier_id, due_at, chunk_id) WHERE state <> 'held';
CREATE INDEX chunk_sending ON chunk (sending_id);

-- A sending whose recipients are being written into the ledger: what its row does not say of it, and how far that is.
CREATE TABLE materialisation (
    account_id   bigint NOT NULL,
    sending_id   uuid NOT NULL,
    audience_id  bigint NOT NULL,
    request      jsonb NOT NULL,         -- groups, placeholders, encodings … (messaging/materialise.py)
    snapshot_at  timestamptz,            -- when the members were written into recipient; NULL: not yet
    recipients   integer NOT NULL,       -- rows of recipient
    position     integer NOT NULL,       -- those up to it are in the ledger
    claims       integer NOT NULL,       -- proves a claim, as Claimed.attempt
    leased_until timestamptz,            -- real time
    PRIMARY KEY (account_id, sending_id)
) WITH (fillfactor = 50);

-- Hosts that an account's short links may have.
CREATE TABLE link_domain (
    account_id  bigint NOT NULL,
    host        text NOT NULL,           -- in lower case, with a port where it has one of its own
    token       text NOT NULL,           -- what its owner publishes
    created_at  timestamptz NOT NULL,
    verified_at timestamptz,             -- NULL: nobody has shown that it is the account's
    PRIMARY KEY (account_id, host)
);

-- Templates of pages that short links may lead to.
CREATE TABLE landing_page (
    account_id bigint NOT NULL,
    page_key   text NOT NULL,
    template   text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, page_key)
);

-- One-time passwords. A row is the password of a reference; a later one of the same reference takes its place.
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

-- By day, of a UUIDv7 key. -------------------------------------------------------------------------------------------------

-- An accepted request: what is sent, and how many of its recipients are where.
CREATE TABLE sending (
    shard_key     bigint NOT NULL,       -- the account
    sending_id    uuid NOT NULL,
    campaign_id   bigint,
    state         text NOT NULL CHECK (state IN (
        'materialising',                 -- -> active, cancelled, finished; its recipients are being written
        'active',                        -- -> paused, cancelled, finished
        'paused',                        -- -> active, cancelled
        'cancelled',                     -- final; what was submitted before still gets its receipts
        'finished'                       -- final: nothing waits, is in flight or uncertain
    )),
    dialect       text NOT NULL,         -- whose client asked; empty: ours
    credential_id bigint,
    channel       text NOT NULL,
    traffic_class smallint NOT NULL,
    sender        text NOT NULL,
    text          text NOT NULL,         -- the template
    encoding      text,                  -- NULL: chosen by message
    options       jsonb NOT NULL,        -- flash, and what its dialect keeps
    reference     text,                  -- the caller's own
    endpoint_id   bigint,                -- where its events are told to
    reply_endpoint_id bigint,
    scheduled_at  timestamptz,           -- NULL: at once
    validity      interval NOT NULL,     -- from the moment when a message is due
    expires_at    timestamptz NOT NULL,  -- nothing is submitted later
    per_second    double precision,      -- the pace; NULL: none
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,           -- the first submit
    finished_at   timestamptz,
    sweep_at      timestamptz,           -- when what has no receipt is unknown; NULL: nothing is open
    recipients    bigint NOT NULL,
    excluded      bigint NOT NULL DEFAULT 0,
    waiting       bigint NOT NULL DEFAULT 0,
    submitted     bigint NOT NULL DEFAULT 0,
    uncertain     bigint NOT NULL DEFAULT 0,
    delivered     bigint NOT NULL DEFAULT 0,
    undelivered   bigint NOT NULL DEFAULT 0,
    expired       bigint NOT NULL DEFAULT 0,
    rejected      bigint NOT NULL DEFAULT 0,
    cancelled     bigint NOT NULL DEFAULT 0,
    unknown       bigint NOT NULL DEFAULT 0,
    parts         bigint NOT NULL DEFAULT 0,
    reserved      bigint NOT NULL DEFAULT 0,  -- micro-units that are still reserved for it
    captured      bigint NOT NULL DEFAULT 0,
    sealed        bytea,                 -- values of its text that stand nowhere else (messaging/sealed.py); empty: they are gone, and it is not sent any more
    PRIMARY KEY (shard_key, sending_id)
) PARTITION BY RANGE (sending_id);
CREATE INDEX sending_open ON sending (shard_key, sweep_at) WHERE sweep_at IS NOT NULL;
CREATE INDEX sending_reference ON sending (shard_key, reference) WHERE reference IS NOT NULL;
CREATE INDEX sending_campaign ON sending (shard_key, campaign_id, sending_id) WHERE campaign_id IS NOT NULL;

-- Who is still to be written into the ledger, as they were when the sending was accepted.
CREATE TABLE recipient (
    shard_key  bigint NOT NULL,
    sending_id uuid NOT NULL,
    position   integer NOT NULL,
    message_id uuid,                     -- where the caller was told it already
    contact_id bigint,
    address    text NOT NULL,
    values     jsonb NOT NULL,           -- what its placeholders are replaced by
    custom     jsonb,                    -- as message.custom
    reason     text,                     -- why it is excluded, where that is known already
    guid       bigint,                   -- as message.guid
    links      jsonb,                    -- where its short links lead (messaging/short_links.py)
    PRIMARY KEY (shard_key, sending_id, position)
) PARTITION BY RANGE (sending_id);

-- The ledger: a row for everybody who was asked for, also for whoever gets nothing.
CREATE TABLE message (
    shard_key    bigint NOT NULL,        -- the account
    message_id   uuid NOT NULL,
    sending_id   uuid NOT NULL,
    contact_id   bigint,
    guid         bigint,                 -- the number that a vendor gives a scheduled message
    carrier_id   bigint,                 -- who took it
    submitted_at timestamptz,
    final_at     timestamptz,
    price        bigint NOT NULL,        -- micro-units for all parts, without VAT
    vat          bigint NOT NULL,
    parts        smallint NOT NULL,
    state        text NOT NULL CHECK (state IN (
        'excluded',                      -- final, from the beginning
        'waiting',                       -- -> submitted, uncertain, rejected, expired, cancelled, excluded (unsubscribed meanwhile), delivered
        'submitted',                     -- a carrier has it -> delivered, undelivered, expired, rejected, unknown, waiting (fallback)
        'uncertain',                     -- it may have it -> submitted and all that follows, waiting (submitted again), unknown
        'delivered', 'undelivered', 'expired', 'rejected', 'cancelled', 'unknown' -- final; delivered wins over those beside it
    )),
    money        text NOT NULL CHECK (money IN (
        'none',                          -- it costs nothing
        'reserved',                      -- -> captured when a carrier takes it, released when none does
        'until_delivery',                -- -> captured when it is delivered, released when it is not
        'captured', 'released'
    )),
    reason       text,                   -- a value of carriers/failures.py
    encoding     text,
    address      text COLLATE "C" NOT NULL,
    network      text,                   -- MCC and MNC, where a receipt has told them
    text         text,                   -- NULL: the sending's, which has no placeholders
    custom       jsonb,                  -- what the caller keeps of it
    channel      text,                   -- of the attempt that the row is of; NULL: the sending's
    seen_at      timestamptz,            -- after it was delivered
    fallback     jsonb,                  -- what is sent by another channel when this one fails: text, encoding, parts; NULL: nothing
    button_url   text,                   -- where an instant message's button leads; NULL: as for all of the sending
    subscription_id bigint,              -- the allowance that pays for it
    failed_carrier_id bigint,            -- who took the attempt before: what it says later is of that one
    PRIMARY KEY (shard_key, message_id)
) PARTITION BY RANGE (message_id);
-- Without the account: before there are statistics, an index that begins as the primary key does looks as good for an id.
CREATE INDEX message_sending ON message (sending_id, message_id);
CREATE INDEX message_address ON message (address, message_id);
CREATE INDEX message_guid ON message (shard_key, guid) WHERE guid IS NOT NULL;

-- An attempt that has failed, of a message that is sent by another channel since then: what its row said, and the end.
CREATE TABLE attempt (
    shard_key    bigint NOT NULL,
    message_id   uuid NOT NULL,
    sending_id   uuid NOT NULL,
    carrier_id   bigint,                 -- who took it
    subscription_id bigint,
    submitted_at timestamptz,
    ended_at     timestamptz NOT NULL,
    price        bigint NOT NULL,
    vat          bigint NOT NULL,
    parts        smallint NOT NULL,
    channel      text NOT NULL,
    state        text NOT NULL,          -- how it ended: as message.state
    money        text NOT NULL,          -- as message.money, settled
    reason       text,
    text         text,
    PRIMARY KEY (shard_key, message_id, channel)
) PARTITION BY RANGE (message_id);

-- By what a carrier names a message in its receipts.
CREATE TABLE carrier_reference (
    shard_key  bigint NOT NULL,
    message_id uuid NOT NULL,
    carrier_id bigint NOT NULL,
    reference  text COLLATE "C" NOT NULL,
    PRIMARY KEY (shard_key, message_id, reference)
) PARTITION BY RANGE (message_id);
CREATE INDEX carrier_reference_receipt ON carrier_reference (carrier_id, reference);

-- Texts that were sent lately, of accounts that have a spam window.
CREATE TABLE sent_text (
    shard_key  bigint NOT NULL,
    message_id uuid NOT NULL,
    digest     bigint NOT NULL,          -- of address and text
    PRIMARY KEY (shard_key, message_id)
) PARTITION BY RANGE (message_id);
CREATE INDEX sent_text_digest ON sent_text (shard_key, digest, message_id);

-- A short link: where its code leads to. Rows are never changed.
CREATE TABLE link (
    shard_key  bigint NOT NULL,          -- the account
    link_id    uuid NOT NULL,            -- of midnight (UTC), with the number that its code carries
    sending_id uuid,
    message_id uuid,                     -- NULL: everybody's, or nobody's
    name       text NOT NULL,            -- the placeholder that it stands for; empty: none
    url        text,                     -- NULL: a landing page
    page_key   text,
    data       jsonb,                    -- what the page's placeholders are replaced by
    options    smallint NOT NULL,        -- bits, see links/targets.py
    domain     text,                     -- the host of its own domain
    expires_at timestamptz,              -- the account's time; NULL: when its day is dropped
    PRIMARY KEY (shard_key, link_id)
) PARTITION BY RANGE (link_id);

-- A fact, in its account's sequence.
CREATE TABLE event (
    shard_key  bigint NOT NULL,
    event_id   uuid NOT NULL,
    sequence   bigint NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,            -- excluded, submitted, uncertain, a final state, fallback, seen, reply, unsubscribed, clicked
    sending_id uuid,
    message_id uuid,
    data       jsonb,                    -- what it has beside: reason, network, a reply's numbers and text
    PRIMARY KEY (shard_key, event_id)
) PARTITION BY RANGE (event_id);
CREATE INDEX event_order ON event (shard_key, sequence);
CREATE INDEX event_sending ON event (shard_key, sending_id, sequence);

-- An event that is told to an endpoint.
CREATE TABLE callback (
    shard_key    bigint NOT NULL,
    callback_id  uuid NOT NULL,
    endpoint_id  bigint NOT NULL,
    sequence     bigint NOT NULL,        -- the event's
    event_id     uuid NOT NULL,
    state        text NOT NULL CHECK (state IN (
        'waiting',                       -- -> delivered, failed, skipped
        'delivered',
        'failed',                      -- -> waiting, when it is replayed
        'skipped'                        -- its dialect tells no such event
    )),
    attempts     integer NOT NULL,       -- of its dialect's schedule that are over
    http_status  integer,                -- of the last attempt
    created_at   timestamptz NOT NULL,   -- or replayed: when it began to wait
    ended_at     timestamptz,
    PRIMARY KEY (shard_key, callback_id)
) PARTITION BY RANGE (callback_id);
CREATE INDEX callback_queue ON callback (shard_key, endpoint_id, state, sequence) WHERE state IN ('waiting', 'failed');

-- What the planner must know. -----------------------------------------------------------------------------------------------
-- Every key starts with the account, so any index serves a condition on the account alone, and after statistics of few or other
-- accounts that condition looks as selective as a phone: the whole account would be read for one contact. So an account counts as
-- the whole table, and an audience and a channel too; what selects is the rest of the key.

ALTER TABLE contact ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE consent ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE unsubscription ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE device ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE removed_unsubscribe ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE form_token ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE membership ALTER account_id SET (n_distinct = 1);
ALTER TABLE suppression ALTER account_id SET (n_distinct = 1), ALTER channel SET (n_distinct = 1);
ALTER TABLE suppression_entry ALTER account_id SET (n_distinct = 1), ALTER channel SET (n_distinct = 1);
ALTER TABLE contact_import ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE contact_group ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
ALTER TABLE chunk ALTER account_id SET (n_distinct = 1);
ALTER TABLE otp ALTER account_id SET (n_distinct = 1), ALTER dialect SET (n_distinct = 1);
ALTER TABLE otp_counter ALTER account_id SET (n_distinct = 1), ALTER kind SET (n_distinct = 1);
