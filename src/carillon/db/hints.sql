-- name: notify
SELECT pg_notify($1, unnest($2::text[]));
