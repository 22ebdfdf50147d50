-- Messages, what carries them, what they cost and what became of them.

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

ALTER TABLE account ADD sandbox boolean NOT NULL DEFAULT false;              -- its messages go to the simulator only
ALTER TABLE account ADD spam_window interval NOT NULL DEFAULT '0';           -- how long the same text to the same number is refused
ALTER TABLE credential ADD traffic_class smallint CHECK (traffic_class BETWEEN 1 AND 3); -- of what it sends, as in message; NULL: the dialect's own

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
    sweep_at      timestamptz,           -- when what has no receipt is given up; NULL: nothing is open
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
        'submitted',                     -- a carrier has it -> delivered, undelivered, expired, rejected, unknown
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
    PRIMARY KEY (shard_key, message_id)
) PARTITION BY RANGE (message_id);
-- Without the account: before there are statistics, an index that begins as the primary key does looks as good for an id.
CREATE INDEX message_sending ON message (sending_id, message_id);
CREATE INDEX message_address ON message (address, message_id);
CREATE INDEX message_guid ON message (shard_key, guid) WHERE guid IS NOT NULL;

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

-- A fact, in its account's sequence.
CREATE TABLE event (
    shard_key  bigint NOT NULL,
    event_id   uuid NOT NULL,
    sequence   bigint NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,            -- excluded, submitted, uncertain, a final state, reply, unsubscribed
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

ALTER TABLE chunk ALTER account_id SET (n_distinct = 1);

INSERT INTO id_block (sequence, next_id) VALUES
    ('callback_endpoint', 1), ('campaign', 1), ('carrier', 1), ('route', 1), ('scheduled_message', 1), ('sending_number', 1);
