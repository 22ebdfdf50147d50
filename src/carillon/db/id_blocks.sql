-- name: take_block
UPDATE id_block SET next_id = next_id + $2 WHERE sequence = $1 RETURNING next_id;

-- name: find_blocks
SELECT TRUE FROM id_block LIMIT 1;
