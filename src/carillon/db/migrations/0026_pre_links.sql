-- Short links, the domains that they may have, and the landing pages behind some of them.

ALTER TABLE account ADD COLUMN human_clicks_only boolean NOT NULL DEFAULT false;

ALTER TABLE recipient ADD COLUMN links jsonb; -- where its short links lead (messaging/short_links.py)

CREATE TABLE link_domain (
    account_id  bigint NOT NULL,
    host        text NOT NULL,           -- in lower case, with a port where it has one of its own
    token       text NOT NULL,           -- what its owner publishes
    created_at  timestamptz NOT NULL,
    verified_at timestamptz,             -- NULL: nobody has shown that it is the account's
    PRIMARY KEY (account_id, host)
);

CREATE TABLE landing_page (
    account_id bigint NOT NULL,
    page_key   text NOT NULL,
    template   text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, page_key)
);

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

INSERT INTO id_block (sequence, next_id) VALUES ('link', 1);
