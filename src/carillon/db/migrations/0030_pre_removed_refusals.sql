-- Refused purposes are kept as unsubscribes are, and an audience knows on which channels it keeps any.
ALTER TABLE removed_unsubscribe ADD COLUMN purpose text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE removed_unsubscribe ADD COLUMN status smallint NOT NULL DEFAULT 3 CHECK (status IN (2, 3));
ALTER TABLE removed_unsubscribe DROP CONSTRAINT removed_unsubscribe_pkey;
ALTER TABLE removed_unsubscribe ADD PRIMARY KEY (account_id, audience_id, channel, digest, purpose);
ALTER TABLE audience ADD COLUMN removed_channels text[] NOT NULL DEFAULT '{}' CHECK (removed_channels <@ ARRAY['sms', 'email']);
UPDATE audience a
SET removed_channels = ARRAY(SELECT DISTINCT r.channel FROM removed_unsubscribe r
                             WHERE r.account_id = a.account_id AND r.audience_id = a.audience_id)
WHERE EXISTS (SELECT FROM removed_unsubscribe r WHERE r.account_id = a.account_id AND r.audience_id = a.audience_id);
