-- name: taken_values
-- The places, from 1, of the JSON values that contacts have in a field; 1.5 and 1.50 are one value.
SELECT DISTINCT asked.place
FROM jsonb_array_elements($4::jsonb -> 'asked') WITH ORDINALITY AS asked (value, place)
JOIN contact c ON c.fields -> $3::text = asked.value
WHERE c.account_id = $1 AND c.audience_id = $2 AND c.archived_at IS NULL;
