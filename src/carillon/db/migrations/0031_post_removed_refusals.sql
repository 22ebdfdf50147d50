-- The version before kept digests since 0030 without saying so.
UPDATE audience a
SET removed_channels = ARRAY(SELECT DISTINCT r.channel FROM removed_unsubscribe r
                             WHERE r.account_id = a.account_id AND r.audience_id = a.audience_id)
WHERE EXISTS (SELECT FROM removed_unsubscribe r WHERE r.account_id = a.account_id AND r.audience_id = a.audience_id);
