-- name: sendings_of
-- What a second attempt may take longer is its own: it has its end when both are over.
SELECT s.sending_id, s.state, s.channel, s.sender, s.text, s.expires_at, s.expires_at - s.validity AS due_at, s.sealed,
    s.expires_at + coalesce((s.options #>> '{fallback,validity}')::interval, '0') AS last_at,
    (s.options -> 'content')::text AS content, (s.options -> 'fallback')::text AS fallback,
    coalesce(s.options -> 'flash' = 'true', false) AS flash,
    coalesce(s.options -> 'ignores_suppressions' = 'true', false) AS ignores_suppressions
FROM sending s
WHERE s.shard_key = $1 AND s.sending_id = ANY ($2::uuid[]) AND s.sending_id BETWEEN $3 AND $4;

-- name: open_messages
SELECT m.message_id, m.sending_id, m.state, m.address, m.text, m.encoding, m.parts, m.channel, m.button_url,
    m.fallback IS NOT NULL AS falls_back
FROM message m
WHERE m.shard_key = $1 AND m.message_id = ANY ($2::uuid[]) AND m.message_id BETWEEN $3 AND $4
  AND m.state IN ('waiting', 'uncertain')
ORDER BY m.message_id;
