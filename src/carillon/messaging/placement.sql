-- name: account_settings
SELECT clock_offset, spam_window, status = 'active' AS is_active FROM account WHERE account_id = $1;

-- name: settings_are
SELECT EXISTS (
    SELECT FROM account
    WHERE account_id = $1 AND clock_offset = $2 AND spam_window = $3 AND (status = 'active') = $4
);
