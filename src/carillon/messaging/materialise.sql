-- name: add_recipients
INSERT INTO recipient (shard_key, sending_id, position, message_id, contact_id, address, values, custom)
SELECT $1, $2, r.position, r.message_id, r.contact_id, r.address, r.values::jsonb, r.custom::jsonb
FROM unnest($3::integer[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[])
    AS r (position, message_id, contact_id, address, values, custom);
