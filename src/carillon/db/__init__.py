"""PostgreSQL: the embedded server, the pool, the one transaction, the loader of SQL files, the schema."""
