-- name: list_suppressions
SELECT suppression_id, channel, address, created_at, source, actor, reason, description
FROM suppression
WHERE account_id = $1 AND channel = $2 AND suppression_id > $3
  AND ($5::timestamptz IS NULL OR created_at >= $5) AND ($6::timestamptz IS NULL OR created_at < $6)
ORDER BY suppression_id
LIMIT $4;

-- name: count_suppressions
-- Conditions come in where it says so. The page is the next statement's: both take the same parameters.
SELECT count(*)
FROM suppression s
WHERE s.account_id = $1 AND s.channel = ANY ($2::text[]) AND ($3::text[] IS NULL OR s.address = ANY ($3::text[]))
  AND $4::bigint IS NOT NULL AND $5::bigint IS NOT NULL
  /* where */;

-- name: page_suppressions
-- Conditions and an order come in where it says so.
SELECT s.suppression_id, s.channel, s.address, s.created_at, s.source, s.actor, s.reason, s.description
FROM suppression s
WHERE s.account_id = $1 AND s.channel = ANY ($2::text[]) AND ($3::text[] IS NULL OR s.address = ANY ($3::text[]))
  /* where */
ORDER BY /* order */ s.suppression_id
LIMIT $4 OFFSET $5;

-- name: suppressed_among
-- The addresses come as one text, see one_text.
SELECT address FROM suppression WHERE account_id = $1 AND channel = $2 AND address = ANY (string_to_array($3::text, chr(31)));

-- name: none_suppressed
-- The addresses come as one text, see one_text.
SELECT NOT EXISTS (
    SELECT FROM suppression WHERE account_id = $1 AND channel = $2 AND address = ANY (string_to_array($3::text, chr(31)))
);

-- name: suppressed_since
-- The addresses come as one text, see one_text.
SELECT channel, address, created_at, coalesce(said_again_at, created_at) AS last_said_at, source, actor, reason
FROM suppression
WHERE account_id = $1 AND channel = ANY ($2::text[]) AND address = ANY (string_to_array($3::text, chr(31)));

-- name: suppressing_channels
SELECT k.channel
FROM unnest($2::text[]) AS k (channel)
WHERE EXISTS (SELECT FROM suppression s WHERE s.account_id = $1 AND s.channel = k.channel);
