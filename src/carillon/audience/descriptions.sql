-- name: describe_audiences
SELECT a.audience_id, a.name, a.country, a.is_default, a.created_at, coalesce(a.updated_at, a.created_at) AS updated_at, a.kind,
       a.idle_days, a.attributes, a.double_opt_in, a.sender_defaults,
       (SELECT coalesce(json_agg(json_build_object(
                   'name', f.name, 'kind', f.kind, 'label', f.label, 'created_at', f.created_at) ORDER BY f.name), '[]')
        FROM field f
        WHERE f.account_id = $1 AND f.audience_id = a.audience_id) AS fields,
       (SELECT coalesce(json_agg(json_build_object(
                   'key', p.key, 'name', p.name, 'description', p.description,
                   'created_at', p.created_at, 'updated_at', p.updated_at) ORDER BY p.number, p.key), '[]')
        FROM consent_purpose p
        WHERE p.account_id = $1 AND p.audience_id = a.audience_id) AS purposes,
       (SELECT coalesce(json_agg(json_build_object(
                   'group_set_id', s.group_set_id, 'name', s.name, 'selection', s.selection,
                   'attributes', s.attributes) ORDER BY s.number, s.group_set_id), '[]')
        FROM group_set s
        WHERE s.account_id = $1 AND s.audience_id = a.audience_id) AS group_sets,
       (SELECT coalesce(json_agg(json_build_object(
                   'group_id', g.group_id, 'name', g.name, 'group_set_id', g.group_set_id,
                   'attributes', g.attributes) ORDER BY g.number), '[]')
        FROM contact_group g
        WHERE g.account_id = $1 AND g.audience_id = a.audience_id) AS groups
FROM audience a
WHERE a.account_id = $1 AND a.audience_id = ANY ($2::bigint[])
ORDER BY a.audience_id;
