-- name: account_facts
SELECT status, sandbox, clock_offset, spam_window, currency FROM account WHERE account_id = $1;

-- name: recently_sent
-- Which of the digests were sent since an id.
SELECT DISTINCT digest FROM sent_text WHERE shard_key = $1 AND digest = ANY ($2::bigint[]) AND message_id >= $3;

-- name: add_sendings
INSERT INTO sending (shard_key, sending_id, campaign_id, state, dialect, credential_id, channel, traffic_class, sender,
    text, encoding, options, reference, endpoint_id, reply_endpoint_id, scheduled_at, validity, expires_at, per_second,
    created_at, finished_at, sweep_at, recipients, excluded, waiting, parts, reserved)
SELECT $1, s.sending_id, s.campaign_id, s.state, s.dialect, s.credential_id, s.channel, s.traffic_class, s.sender,
    s.text, s.encoding, s.options::jsonb, s.reference, s.endpoint_id, s.reply_endpoint_id, s.scheduled_at, s.validity,
    s.expires_at, s.per_second, $2, CASE WHEN s.state = 'finished' THEN $2 END, s.sweep_at, s.recipients, s.excluded,
    s.waiting, s.parts, s.reserved
FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::smallint[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::bigint[], $17::timestamptz[],
            $18::interval[], $19::timestamptz[], $20::float8[], $21::timestamptz[], $22::bigint[], $23::bigint[],
            $24::bigint[], $25::bigint[], $26::bigint[])
    AS s (sending_id, campaign_id, state, dialect, credential_id, channel, traffic_class, sender, text, encoding,
          options, reference, endpoint_id, reply_endpoint_id, scheduled_at, validity, expires_at, per_second, sweep_at,
          recipients, excluded, waiting, parts, reserved);

-- name: add_messages
INSERT INTO message (shard_key, message_id, sending_id, contact_id, guid, final_at, price, vat, parts, state, money,
    reason, encoding, address, text, custom)
SELECT $1, m.message_id, m.sending_id, m.contact_id, m.guid, m.final_at, m.price, m.vat, m.parts, m.state, m.money,
    m.reason, m.encoding, m.address, m.text, m.custom::jsonb
FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::bigint[], $8::bigint[],
            $9::smallint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
    AS m (message_id, sending_id, contact_id, guid, final_at, price, vat, parts, state, money, reason, encoding,
          address, text, custom);

-- name: add_chunks
INSERT INTO chunk (account_id, chunk_id, sending_id, channel, carrier_id, traffic_class, state, due_at, attempts,
    claims, message_ids, in_flight, tried)
SELECT $1, c.chunk_id, c.sending_id, c.channel, c.carrier_id, c.traffic_class, c.state, c.due_at, c.attempts, 0,
    string_to_array(c.message_ids, ',')::uuid[], '{}', string_to_array(c.tried, ',')::bigint[]
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::smallint[], $7::text[], $8::timestamptz[],
            $9::integer[], $10::text[], $11::text[])
    AS c (chunk_id, sending_id, channel, carrier_id, traffic_class, state, due_at, attempts, message_ids, tried);

-- name: add_digests
INSERT INTO sent_text (shard_key, message_id, digest)
SELECT $1, d.message_id, d.digest FROM unnest($2::uuid[], $3::bigint[]) AS d (message_id, digest);

-- name: add_recipients
INSERT INTO recipient (shard_key, sending_id, position, message_id, contact_id, address, values, custom)
SELECT $1, $2, r.position, r.message_id, r.contact_id, r.address, r.values::jsonb, r.custom::jsonb
FROM unnest($3::integer[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[])
    AS r (position, message_id, contact_id, address, values, custom);
