-- name: applied_migrations
SELECT version FROM schema_migration

-- name: answer
SELECT TRUE;

-- name: reach_accounts
-- across accounts: on a cluster it asks every node that has accounts.
SELECT account_id FROM account ORDER BY account_id LIMIT 1;
