-- What is written for a dry run belongs to the copy's account, $2, which is never committed.

-- name: copy_account
INSERT INTO account (account_id, name, country, time_zone, currency, status, created_at, clock_offset, sandbox, spam_window,
                     human_clicks_only)
SELECT $2, name, country, time_zone, currency, status, created_at, clock_offset, sandbox, spam_window, human_clicks_only
FROM account
WHERE account_id = $1;

-- name: copy_audience
INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at, groups_made, updated_at, attributes, kind,
                      idle_days, double_opt_in, removed_channels, sender_defaults)
SELECT $2, audience_id, name, country, is_default, created_at, groups_made, updated_at, attributes, kind, idle_days,
       double_opt_in, removed_channels, sender_defaults
FROM audience
WHERE account_id = $1 AND audience_id = $3;

-- name: copy_fields
INSERT INTO field (account_id, audience_id, name, kind, label, created_at)
SELECT $2, audience_id, name, kind, label, created_at
FROM field
WHERE account_id = $1 AND audience_id = $3;

-- name: copy_purposes
INSERT INTO consent_purpose (account_id, audience_id, key, number, name, description, created_at, updated_at)
SELECT $2, audience_id, key, number, name, description, created_at, updated_at
FROM consent_purpose
WHERE account_id = $1 AND audience_id = $3;

-- name: copy_groups
INSERT INTO contact_group (account_id, audience_id, group_id, number, name, name_key, description, kind, created_at, updated_at,
                           members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios, group_set_id,
                           attributes)
SELECT $2, audience_id, group_id, number, name, name_key, description, kind, created_at, updated_at,
       members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios, group_set_id,
       attributes
FROM contact_group
WHERE account_id = $1 AND audience_id = $3 AND name_key = ANY ($4::text[]);

-- fragment: copied
INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, phone_quality, sms_status, email_status,
                     phone, email, external_id, email_given, phone_region, landline, fields, archived_at)
SELECT $2, audience_id, contact_id, created_at, updated_at, phone_quality, sms_status, email_status, phone, email, external_id,
       email_given, phone_region, landline, fields, archived_at
FROM contact
WHERE account_id = $1 AND audience_id = $3

-- name: copy_contacts_by_phone
-- The keys come as one text, see one_text. What the copy has of a contact already is what the file has made of it.
{copied} AND phone = ANY (string_to_array($4::text, chr(31)))
ON CONFLICT DO NOTHING
RETURNING phone, email;

-- name: copy_contacts_by_email
{copied} AND email = ANY (string_to_array($4::text, chr(31)))
ON CONFLICT DO NOTHING
RETURNING phone, email;

-- name: copy_contacts_by_external_id
{copied} AND external_id = ANY (string_to_array($4::text, chr(31)))
ON CONFLICT DO NOTHING
RETURNING phone, email;

-- name: copy_unsubscriptions
INSERT INTO unsubscription (account_id, audience_id, contact_id, channel, unsubscribed_at, source, actor, reason,
                            said_again_at)
SELECT $2, audience_id, contact_id, channel, unsubscribed_at, source, actor, reason, said_again_at
FROM unsubscription
WHERE account_id = $1 AND audience_id = $3;

-- name: copy_suppressions
INSERT INTO suppression (account_id, channel, address, suppression_id, created_at, source, actor, reason, description,
                         said_again_at)
SELECT $2, s.channel, s.address, s.suppression_id, s.created_at, s.source, s.actor, s.reason, s.description,
       s.said_again_at
FROM suppression s
WHERE s.account_id = $1 AND s.channel = ANY ($3::text[]) AND s.address = ANY (string_to_array($4::text, chr(31)))
ON CONFLICT DO NOTHING;

-- name: lift_again
-- $1 is the copy's account: what the file has lifted was copied once more.
DELETE FROM suppression s
WHERE s.account_id = $1 AND s.channel = ANY ($2::text[]) AND s.address = ANY (string_to_array($3::text, chr(31)))
  AND (SELECT e.action
       FROM suppression_entry e
       WHERE e.account_id = $1 AND e.channel = s.channel AND e.address = s.address
       ORDER BY e.entry_id DESC
       LIMIT 1) = 'reactivate';

-- name: statuses
SELECT contact_id, sms_status, email_status
FROM contact
WHERE account_id = $1 AND audience_id = $2
  AND (contact_id = ANY ($3::bigint[]) OR phone = ANY ($4::text[]) OR email = ANY ($5::text[])
       OR external_id = ANY ($6::text[]));

-- name: count_ledger
SELECT action, count(*) FROM suppression_entry WHERE account_id = $1 GROUP BY action;
