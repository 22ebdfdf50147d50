-- Statement by statement: writers go on while the index is built.
-- What an interrupted upgrade has left is taken away first.

DROP INDEX CONCURRENTLY IF EXISTS contact_import_audience;
CREATE INDEX CONCURRENTLY contact_import_audience ON contact_import (account_id, audience_id, import_id);
