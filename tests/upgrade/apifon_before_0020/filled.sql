-- Written by the version before migration 0020 through Apifon's API; replies.json has what it answered. Not to be edited.
INSERT INTO id_block (sequence, next_id) VALUES
    ('account', '2'),
    ('audience', '5'),
    ('contact', '7'),
    ('credential', '2'),
    ('group', '7'),
    ('suppression', '1'),
    ('suppression_entry', '1')
ON CONFLICT (sequence) DO UPDATE SET next_id = excluded.next_id;
INSERT INTO account (account_id, name, country, time_zone, currency, status, created_at, clock_offset) VALUES
    ('1', 'Testers', 'IL', 'Asia/Jerusalem', 'ILS', 'active', '2025-03-09 10:30:00+00', '00:00:00');
INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at, groups_made, updated_at, attributes, kind, idle_days) VALUES
    ('1', '1', 'Default', 'IL', 'true', '2025-03-09 10:30:00+00', '0', NULL, '{}', 'standard', NULL),
    ('1', '2', 'Guests', 'GR', 'false', '2025-03-09 10:30:00+00', '6', '2025-03-09 10:31:00+00', '{"apifon": {"gdpr": [{"name": "Offers", "email": "offers_email", "field": "OFFERS", "mobile": "offers_mobile", "description": "About Offers"}, {"name": "Offers!", "email": "offers_email_2", "field": "OFFERS_2", "mobile": "offers_mobile_2", "description": "About Offers!"}, {"name": "Letters", "email": "news_email", "field": "NEWS", "mobile": "news_mobile", "description": "About News"}], "fields": [{"name": "First name", "ours": "first_name", "type": "TEXT", "field": "FIRST_NAME", "length": 50, "internal": false, "date_format": null}, {"name": "Offers mobile", "ours": "offers_mobile_3", "type": "TEXT", "field": "OFFERS_MOBILE", "length": 50, "internal": false, "date_format": null}, {"name": "Joined", "ours": "joined", "type": "DATE", "field": "date_JOINED", "length": 50, "internal": false, "date_format": "dd-MM-yy"}], "groups": [{"name": "Food", "type": "GROUP", "field": "FOOD_01957a75-42a0-742e-83b8-c94a92d761d6", "options": [{"field": "FISH_01957a75-42a0-742e-83ba-e9af0c4da129", "group_id": 1}, {"field": "MEAT_01957a75-42a0-742e-83bb-59db4b1b18c2", "group_id": 2}], "internal": true, "form_hidden": false, "orientation": "VERTICAL", "selection_type": "MULTIPLE"}, {"name": "Sizes", "type": "GROUP", "field": "SIZE_01957a75-42a0-742e-83bd-2edd372fbd31", "options": [{"field": "BIG_01957a75-42a0-742e-83bf-6c12b8b88c83", "group_id": 3}, {"field": "SMALL_01957a75-42a0-742e-83c0-fc06176962e9", "group_id": 4}, {"field": "GONE_01957a75-42a0-742e-83c1-eb29ae51b246", "group_id": 5}], "internal": false, "form_hidden": true, "orientation": "DROPDOWN_LIST", "selection_type": "SINGLE"}, {"name": "Empty", "type": "GROUP", "field": "EMPTY_01957a75-42a0-742e-83c3-eb7dbc6f2af1", "options": [], "internal": false, "form_hidden": false, "orientation": "VERTICAL", "selection_type": "SINGLE"}], "prefix": "+30", "description": "All guests", "double_optin": {"email": false, "mobile": true, "review_mobile_details": true}, "gdpr_properties": {"title": "Consent", "legal_text": "Legal", "description": "Tell us", "gdpr_compliant": true}, "campaign_defaults": {"from": "news@acme.example", "reply_to": "re@acme.example", "sender_id": "Acme", "sender_name": "Acme & sons", "viber_sender_id": "AcmeV"}}}', 'standard', NULL),
    ('1', '3', 'Plain', 'RU', 'false', '2025-03-09 10:31:00+00', '0', '2025-03-09 10:31:00+00', '{"apifon": {"gdpr": [], "fields": [], "groups": [], "prefix": "+7", "description": "", "double_optin": {}, "gdpr_properties": {}, "campaign_defaults": {}}}', 'standard', NULL),
    ('1', '4', 'Mail only', 'GR', 'false', '2025-03-09 10:31:00+00', '0', '2025-03-09 10:31:00+00', '{"apifon": {"gdpr": [{"name": "Offers", "email": "offers_email", "field": "OFFERS", "mobile": "offers_mobile", "description": "About Offers"}, {"name": "Offers!", "email": "offers_email_2", "field": "OFFERS_2", "mobile": "offers_mobile_2", "description": "About Offers!"}, {"name": "News", "email": "news_email", "field": "NEWS", "mobile": "news_mobile", "description": "About News"}], "fields": [], "groups": [], "prefix": "+30", "description": "", "double_optin": {"email": true, "mobile": false, "review_mobile_details": false}, "gdpr_properties": {}, "campaign_defaults": {"from": "x@acme.example"}}}', 'standard', NULL);
INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, phone_quality, sms_status, email_status, phone, email, external_id, email_given, phone_region, landline, fields, archived_at) VALUES
    ('1', '1', '6', '2025-03-09 10:32:00+00', '2025-03-09 10:32:00+00', '33', '1', '0', '306912345601', NULL, NULL, NULL, 'GR', NULL, '{}', NULL),
    ('1', '2', '1', '2025-03-09 10:32:00+00', '2025-03-09 10:32:00+00', '33', '2', '1', '306912345601', 'ana@mail.example', NULL, NULL, 'GR', NULL, '{"first_name": "Ana", "news_email": true, "offers_email": false, "offers_mobile": true, "offers_mobile_3": "Text of a field"}', NULL),
    ('1', '2', '2', '2025-03-09 10:32:00+00', '2025-03-09 10:32:00+00', '33', '3', '0', '306912345602', NULL, NULL, NULL, 'GR', NULL, '{"offers_mobile_2": false}', NULL),
    ('1', '2', '3', '2025-03-09 10:32:00+00', '2025-03-09 10:32:00+00', '33', '1', '0', '306912345603', NULL, NULL, NULL, 'GR', NULL, '{}', NULL),
    ('1', '2', '4', '2025-03-09 10:32:00+00', '2025-03-09 10:32:00+00', NULL, '0', '1', NULL, 'ben@mail.example', NULL, NULL, NULL, NULL, '{"news_email": true, "news_mobile": true}', NULL),
    ('1', '4', '5', '2025-03-09 10:32:00+00', '2025-03-09 10:32:00+00', '33', '1', '0', '306912345601', NULL, NULL, NULL, 'GR', NULL, '{"offers_mobile": true}', NULL);
INSERT INTO contact_group (account_id, group_id, audience_id, number, name, name_key, description, kind, created_at, updated_at, members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios) VALUES
    ('1', '1', '2', '1', 'Seafood', 'seafood', NULL, 'static', '2025-03-09 10:31:00+00', '2025-03-09 10:31:00+00', '1', '1', '0', '1', '0', '0'),
    ('1', '2', '2', '2', 'Meat', 'meat', NULL, 'static', '2025-03-09 10:31:00+00', '2025-03-09 10:31:00+00', '1', '0', '0', '0', '0', '0'),
    ('1', '3', '2', '3', 'Big', 'big', NULL, 'static', '2025-03-09 10:31:00+00', '2025-03-09 10:31:00+00', '1', '1', '0', '1', '0', '0'),
    ('1', '4', '2', '4', 'Small', 'small', NULL, 'static', '2025-03-09 10:31:00+00', '2025-03-09 10:31:00+00', '0', '0', '0', '0', '0', '0'),
    ('1', '6', '2', '6', 'By another API', 'by another api', NULL, 'static', '2025-03-09 10:31:00+00', '2025-03-09 10:31:00+00', '1', '1', '0', '1', '0', '0');
INSERT INTO contact_import (account_id, import_id, audience_id, source, actor, state, attempts, leased_until, created_at, finished_at, payload, options, file_hash, progress, rows, rows_new, rows_updated, rows_unchanged, rows_failed, error_count, errors) VALUES
    ('1', '01957a76-2d00-742e-83c9-999f36bcdfbf', '2', 'API', 'ypf2g6oe6c0j', 'pending', '0', NULL, '2025-03-09 10:32:00+00', NULL, E'\\x82a4726f77739c82a570686f6e65ad2b333036393132333435363031a66669656c647384aa66697273745f6e616d65a4416e6e61ad6f66666572735f6d6f62696c65a566616c7365ac6f66666572735f656d61696ca0ab6e6577735f6d6f62696c65a47472756582a570686f6e65ad2b333036393132333435363130a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363131a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363132a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363133a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363134a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363135a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363136a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363137a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363138a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363139a66669656c647381af6f66666572735f6d6f62696c655f32a47472756582a570686f6e65ad2b333036393132333435363230a66669656c647381af6f66666572735f6d6f62696c655f32a474727565a57465726d7383ae61726368697665645f6578697374c3a76368616e6765738b0282a3736d7301a667726f75707391040382a3736d7303a667726f75707391040482a3736d7301a667726f75707391040582a3736d7303a667726f75707391040682a3736d7301a667726f75707391040782a3736d7303a667726f75707391040882a3736d7301a667726f75707391040982a3736d7303a667726f75707391040a82a3736d7301a667726f75707391040b82a3736d7303a667726f75707391040c82a3736d7301a667726f7570739104b46c656176655f6f75745f73757070726573736564c3', '{}', NULL, '{}', '12', '0', '0', '0', '0', '0', '[]');
INSERT INTO field (account_id, audience_id, name, kind, label, created_at) VALUES
    ('1', '2', 'joined', 'datetime', 'Joined', '2025-03-09 10:31:00+00'),
    ('1', '2', 'news_email', 'boolean', 'News email', '2025-03-09 10:31:00+00'),
    ('1', '2', 'news_mobile', 'boolean', 'News mobile', '2025-03-09 10:31:00+00'),
    ('1', '2', 'offers_email', 'boolean', 'Offers email', '2025-03-09 10:31:00+00'),
    ('1', '2', 'offers_email_2', 'boolean', 'Offers! email', '2025-03-09 10:31:00+00'),
    ('1', '2', 'offers_mobile', 'boolean', 'Offers mobile', '2025-03-09 10:31:00+00'),
    ('1', '2', 'offers_mobile_2', 'boolean', 'Offers! mobile', '2025-03-09 10:31:00+00'),
    ('1', '2', 'offers_mobile_3', 'text', 'Offers mobile', '2025-03-09 10:31:00+00'),
    ('1', '4', 'news_email', 'boolean', 'News email', '2025-03-09 10:31:00+00'),
    ('1', '4', 'news_mobile', 'boolean', 'News mobile', '2025-03-09 10:31:00+00'),
    ('1', '4', 'offers_email', 'boolean', 'Offers email', '2025-03-09 10:31:00+00'),
    ('1', '4', 'offers_email_2', 'boolean', 'Offers! email', '2025-03-09 10:31:00+00'),
    ('1', '4', 'offers_mobile', 'boolean', 'Offers mobile', '2025-03-09 10:31:00+00'),
    ('1', '4', 'offers_mobile_2', 'boolean', 'Offers! mobile', '2025-03-09 10:31:00+00');
INSERT INTO membership (account_id, group_id, contact_id) VALUES
    ('1', '1', '1'),
    ('1', '2', '2'),
    ('1', '3', '1'),
    ('1', '6', '1');
