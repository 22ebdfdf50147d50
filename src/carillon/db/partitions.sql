-- name: partitions_of
-- across accounts: the catalog.
SELECT c.relname::text AS name,
       CASE WHEN c.relkind = 'r' THEN pg_get_expr(c.relpartbound, c.oid) END AS bound
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass($1);

-- name: is_there
SELECT to_regclass($1) IS NOT NULL;
