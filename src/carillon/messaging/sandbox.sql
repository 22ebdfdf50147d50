-- name: is_sandbox
SELECT sandbox FROM account WHERE account_id = $1;

-- name: clock
SELECT clock_offset FROM account WHERE account_id = $1;
