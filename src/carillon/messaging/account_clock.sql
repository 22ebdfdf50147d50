-- name: clock_of
SELECT clock_offset FROM account WHERE account_id = $1;
