-- name: account_facts
SELECT clock_offset, spam_window, status = 'active' AS is_active FROM account WHERE account_id = $1;
