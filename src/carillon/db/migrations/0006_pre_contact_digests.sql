-- Statement by statement: writers go on while the indexes are built.
-- What an interrupted upgrade has left is taken away first.

DROP INDEX CONCURRENTLY IF EXISTS contact_phone_digest;
CREATE INDEX CONCURRENTLY contact_phone_digest ON contact (account_id, audience_id, (md5(phone)::uuid)) WHERE phone IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS contact_email_digest;
CREATE INDEX CONCURRENTLY contact_email_digest ON contact (account_id, audience_id, (md5(email)::uuid)) WHERE email IS NOT NULL;
