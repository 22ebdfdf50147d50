-- name: add_messages
-- The last three are NULL where no message is an instant one.
INSERT INTO message (shard_key, message_id, sending_id, contact_id, guid, final_at, price, vat, parts, state, money,
    reason, encoding, address, text, custom, fallback, button_url, subscription_id)
SELECT $1, m.message_id, m.sending_id, m.contact_id, m.guid, m.final_at, m.price, m.vat, m.parts, m.state, m.money,
    m.reason, m.encoding, m.address, m.text, m.custom::jsonb, m.fallback::jsonb,
    m.button_url, m.subscription_id
FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::bigint[], $8::bigint[],
            $9::smallint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
            $17::text[], $18::text[], $19::bigint[])
    AS m (message_id, sending_id, contact_id, guid, final_at, price, vat, parts, state, money, reason, encoding,
          address, text, custom, fallback, button_url, subscription_id);

-- name: add_digests
INSERT INTO sent_text (shard_key, message_id, digest)
SELECT $1, d.message_id, d.digest FROM unnest($2::uuid[], $3::bigint[]) AS d (message_id, digest);
