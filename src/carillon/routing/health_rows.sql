-- name: note_health
INSERT INTO carrier_health (carrier_id, country, holder, noted_at, figures)
SELECT n.carrier_id, n.country, $1, $2, n.figures::jsonb
FROM unnest($3::bigint[], $4::text[], $5::text[]) AS n (carrier_id, country, figures)
ON CONFLICT (carrier_id, country, holder) DO UPDATE SET noted_at = excluded.noted_at, figures = excluded.figures;

-- name: forget_health
DELETE FROM carrier_health WHERE noted_at < $1;

-- name: read_health
SELECT carrier_id, country, noted_at, figures FROM carrier_health WHERE holder <> $1 AND noted_at > $2;
