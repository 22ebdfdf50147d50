-- Consent purposes, consents, group sets, double opt-in and sender defaults have tables and columns. What is copied was kept by the
-- Apifon dialect: purposes, groups and the rest in the audience's attributes, consents in two boolean fields a purpose. The version
-- before goes on with it until 0021 takes it away.
-- The new tables have no foreign keys: on a cluster they are made beside tables that are distributed already.

CREATE TABLE consent_purpose (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    key         text COLLATE "C" NOT NULL,
    number      integer NOT NULL,
    name        text NOT NULL,
    description text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    sms_field   text,
    email_field text,
    PRIMARY KEY (account_id, audience_id, key)
);

CREATE TABLE consent (
    account_id  bigint NOT NULL,
    audience_id bigint NOT NULL,
    contact_id  bigint NOT NULL,
    purpose     text COLLATE "C" NOT NULL,
    channel     text NOT NULL CHECK (channel IN ('sms', 'email')),
    granted     boolean NOT NULL,
    given_at    timestamptz NOT NULL,
    source      text NOT NULL,
    actor       text NOT NULL,
    PRIMARY KEY (account_id, audience_id, contact_id, purpose, channel)
);
ALTER TABLE consent ALTER account_id SET (n_distinct = 1), ALTER audience_id SET (n_distinct = 1);
-- A table that was ever found empty gets plans that read it whole (ADR 11).
INSERT INTO consent (account_id, audience_id, contact_id, purpose, channel, granted, given_at, source, actor)
SELECT 0, 0, n, 'P', 'sms', true, 'epoch', '', '' FROM generate_series(1, 1000) n;
ANALYZE consent;

CREATE TABLE group_set (
    account_id   bigint NOT NULL,
    audience_id  bigint NOT NULL,
    group_set_id uuid NOT NULL,
    number       integer NOT NULL,
    name         text NOT NULL,
    selection    text NOT NULL CHECK (selection IN ('single', 'multiple')),
    attributes   jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, group_set_id)
);
CREATE INDEX group_set_audience ON group_set (account_id, audience_id);

ALTER TABLE contact_group ADD COLUMN group_set_id uuid;
ALTER TABLE contact_group ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}';
ALTER TABLE audience ADD COLUMN double_opt_in text[] NOT NULL DEFAULT '{}';
ALTER TABLE audience ADD COLUMN sender_defaults jsonb NOT NULL DEFAULT '{}';
ALTER TABLE audience ADD CONSTRAINT audience_double_opt_in_check CHECK (double_opt_in <@ ARRAY['sms', 'email']);

INSERT INTO consent_purpose (account_id, audience_id, key, number, name, description, created_at, updated_at, sms_field, email_field)
SELECT a.account_id, a.audience_id, p.value ->> 'field', p.place, p.value ->> 'name', p.value ->> 'description',
       coalesce(a.updated_at, a.created_at), coalesce(a.updated_at, a.created_at), p.value ->> 'mobile', p.value ->> 'email'
FROM audience a
CROSS JOIN LATERAL jsonb_array_elements(a.attributes #> '{apifon,gdpr}') WITH ORDINALITY AS p (value, place);

-- Another API may have deleted such a field, and made another of its name.
INSERT INTO consent (account_id, audience_id, contact_id, purpose, channel, granted, given_at, source, actor)
SELECT c.account_id, c.audience_id, c.contact_id, p.key, v.channel, (c.fields -> v.field)::boolean, c.updated_at, 'upgrade', 'upgrade'
FROM consent_purpose p
CROSS JOIN LATERAL (VALUES ('sms', p.sms_field), ('email', p.email_field)) AS v (channel, field)
JOIN contact c ON c.account_id = p.account_id AND c.audience_id = p.audience_id AND jsonb_typeof(c.fields -> v.field) = 'boolean';

INSERT INTO group_set (account_id, audience_id, group_set_id, number, name, selection, attributes, created_at, updated_at)
SELECT a.account_id, a.audience_id, right(s.value ->> 'field', 36)::uuid, s.place, s.value ->> 'name', lower(s.value ->> 'selection_type'),
       jsonb_build_object('apifon', s.value - '{name,type,selection_type,options}'::text[]),
       coalesce(a.updated_at, a.created_at), coalesce(a.updated_at, a.created_at)
FROM audience a
CROSS JOIN LATERAL jsonb_array_elements(a.attributes #> '{apifon,groups}') WITH ORDINALITY AS s (value, place);

UPDATE contact_group g
SET group_set_id = o.group_set_id, attributes = jsonb_build_object('apifon', jsonb_build_object('field', o.field))
FROM (
    SELECT a.account_id, a.audience_id, right(s.value ->> 'field', 36)::uuid AS group_set_id, (o.value ->> 'group_id')::bigint AS group_id,
           o.value ->> 'field' AS field
    FROM audience a
    CROSS JOIN LATERAL jsonb_array_elements(a.attributes #> '{apifon,groups}') AS s (value)
    CROSS JOIN LATERAL jsonb_array_elements(s.value -> 'options') AS o (value)
) o
WHERE g.account_id = o.account_id AND g.audience_id = o.audience_id AND g.group_id = o.group_id;

UPDATE audience
SET double_opt_in = array_remove(ARRAY[
        CASE WHEN (attributes #> '{apifon,double_optin,mobile}')::boolean THEN 'sms' END,
        CASE WHEN (attributes #> '{apifon,double_optin,email}')::boolean THEN 'email' END
    ], NULL),
    sender_defaults = jsonb_strip_nulls(jsonb_build_object(
        'sms_sender', attributes #> '{apifon,campaign_defaults,sender_id}',
        'viber_sender', attributes #> '{apifon,campaign_defaults,viber_sender_id}',
        'email_name', attributes #> '{apifon,campaign_defaults,sender_name}',
        'email_from', attributes #> '{apifon,campaign_defaults,from}',
        'email_reply_to', attributes #> '{apifon,campaign_defaults,reply_to}'
    ))
WHERE attributes ? 'apifon';
