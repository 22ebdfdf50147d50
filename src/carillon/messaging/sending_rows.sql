-- name: add_sendings
INSERT INTO sending (shard_key, sending_id, campaign_id, state, dialect, credential_id, channel, traffic_class, sender,
    text, encoding, options, reference, endpoint_id, reply_endpoint_id, scheduled_at, validity, expires_at, per_second,
    created_at, finished_at, sweep_at, recipients, excluded, waiting, parts, reserved, sealed)
SELECT $1::bigint, s.sending_id, s.campaign_id, s.state, s.dialect, s.credential_id, s.channel, s.traffic_class, s.sender,
    s.text, s.encoding, s.options::jsonb, s.reference, s.endpoint_id, s.reply_endpoint_id, s.scheduled_at, s.validity,
    s.expires_at, s.per_second, $2::timestamptz, CASE WHEN s.state = 'finished' THEN $2::timestamptz END, s.sweep_at, s.recipients, s.excluded,
    s.waiting, s.parts, s.reserved, s.sealed
FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::smallint[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::bigint[], $17::timestamptz[],
            $18::interval[], $19::timestamptz[], $20::float8[], $21::timestamptz[], $22::bigint[], $23::bigint[],
            $24::bigint[], $25::bigint[], $26::bigint[], $27::bytea[])
    AS s (sending_id, campaign_id, state, dialect, credential_id, channel, traffic_class, sender, text, encoding,
          options, reference, endpoint_id, reply_endpoint_id, scheduled_at, validity, expires_at, per_second, sweep_at,
          recipients, excluded, waiting, parts, reserved, sealed);
