-- name: is_sandbox
SELECT sandbox FROM account WHERE account_id = $1;
