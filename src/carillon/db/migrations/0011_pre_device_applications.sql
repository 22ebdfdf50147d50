-- Statement by statement: writers go on while the index is built.
-- A contact has a token for each of the caller's applications on a platform, and one that belongs to none of them. The old index
-- goes before the new version starts, whose tokens it forbids. The old version, which never asks it, works on without it.
-- What an interrupted upgrade has left is taken away first.

DROP INDEX CONCURRENTLY IF EXISTS device_application;
CREATE UNIQUE INDEX CONCURRENTLY device_application ON device (account_id, audience_id, contact_id, platform, application)
    NULLS NOT DISTINCT;
DROP INDEX CONCURRENTLY IF EXISTS device_contact;
