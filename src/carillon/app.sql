-- name: applied_migrations
SELECT version FROM schema_migration
