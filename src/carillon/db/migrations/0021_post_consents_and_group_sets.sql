-- What the version before has written since 0020 is copied too, and what is copied is taken from where it was. Attributes that the new
-- version has written have neither the keys nor the names that are looked for here.

INSERT INTO consent_purpose (account_id, audience_id, key, number, name, description, created_at, updated_at, sms_field, email_field)
SELECT a.account_id, a.audience_id, p.value ->> 'field', p.place, p.value ->> 'name', p.value ->> 'description',
       coalesce(a.updated_at, a.created_at), coalesce(a.updated_at, a.created_at), p.value ->> 'mobile', p.value ->> 'email'
FROM audience a
CROSS JOIN LATERAL jsonb_array_elements(a.attributes #> '{apifon,gdpr}') WITH ORDINALITY AS p (value, place)
ON CONFLICT (account_id, audience_id, key) DO UPDATE
SET name = excluded.name, description = excluded.description, sms_field = excluded.sms_field, email_field = excluded.email_field;

-- A consent that the new version has written is the later one.
INSERT INTO consent (account_id, audience_id, contact_id, purpose, channel, granted, given_at, source, actor)
SELECT c.account_id, c.audience_id, c.contact_id, p.key, v.channel, (c.fields -> v.field)::boolean, c.updated_at, 'upgrade', 'upgrade'
FROM consent_purpose p
CROSS JOIN LATERAL (VALUES ('sms', p.sms_field), ('email', p.email_field)) AS v (channel, field)
JOIN contact c ON c.account_id = p.account_id AND c.audience_id = p.audience_id AND jsonb_typeof(c.fields -> v.field) = 'boolean'
ON CONFLICT (account_id, audience_id, contact_id, purpose, channel) DO UPDATE
SET granted = excluded.granted, given_at = excluded.given_at
WHERE consent.source = 'upgrade' AND consent.granted <> excluded.granted;

DELETE FROM consent k
USING consent_purpose p, contact c
WHERE k.source = 'upgrade' AND p.account_id = k.account_id AND p.audience_id = k.audience_id AND p.key = k.purpose
  AND c.account_id = k.account_id AND c.audience_id = k.audience_id AND c.contact_id = k.contact_id
  AND NOT c.fields ? CASE WHEN k.channel = 'sms' THEN p.sms_field ELSE p.email_field END;

INSERT INTO group_set (account_id, audience_id, group_set_id, number, name, selection, attributes, created_at, updated_at)
SELECT a.account_id, a.audience_id, right(s.value ->> 'field', 36)::uuid, s.place, s.value ->> 'name', lower(s.value ->> 'selection_type'),
       jsonb_build_object('apifon', s.value - '{name,type,selection_type,options}'::text[]),
       coalesce(a.updated_at, a.created_at), coalesce(a.updated_at, a.created_at)
FROM audience a
CROSS JOIN LATERAL jsonb_array_elements(a.attributes #> '{apifon,groups}') WITH ORDINALITY AS s (value, place)
ON CONFLICT (account_id, group_set_id) DO UPDATE
SET name = excluded.name, selection = excluded.selection, attributes = excluded.attributes;

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
WHERE attributes -> 'apifon' ? 'campaign_defaults';

-- Uploads of the version before that are not written yet name the fields.
UPDATE contact_import i SET options = i.options || jsonb_build_object('consent_fields', f.fields)
FROM (
    SELECT p.account_id, p.audience_id, jsonb_object_agg(v.field, jsonb_build_array(p.key, v.channel)) AS fields
    FROM consent_purpose p
    CROSS JOIN LATERAL (VALUES ('sms', p.sms_field), ('email', p.email_field)) AS v (channel, field)
    WHERE v.field IS NOT NULL
    GROUP BY p.account_id, p.audience_id
) f
WHERE i.account_id = f.account_id AND i.audience_id = f.audience_id AND i.payload IS NOT NULL;

UPDATE contact c SET fields = c.fields - f.names
FROM (
    SELECT p.account_id, p.audience_id, array_agg(d.name) AS names
    FROM consent_purpose p
    JOIN field d ON d.account_id = p.account_id AND d.audience_id = p.audience_id AND d.name IN (p.sms_field, p.email_field)
    WHERE d.kind = 'boolean'
    GROUP BY p.account_id, p.audience_id
) f
WHERE c.account_id = f.account_id AND c.audience_id = f.audience_id AND c.fields ?| f.names;

DELETE FROM field d
USING consent_purpose p
WHERE d.account_id = p.account_id AND d.audience_id = p.audience_id AND d.name IN (p.sms_field, p.email_field) AND d.kind = 'boolean';

UPDATE audience
SET attributes = jsonb_set(attributes, '{apifon}', (attributes -> 'apifon') - '{campaign_defaults,gdpr,groups}'::text[]
    #- '{double_optin,mobile}' #- '{double_optin,email}')
WHERE attributes -> 'apifon' ? 'campaign_defaults';

ALTER TABLE consent_purpose DROP COLUMN sms_field;
ALTER TABLE consent_purpose DROP COLUMN email_field;
