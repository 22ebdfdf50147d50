"""The upsert engine: rows are parsed, matched against the table, merged and written."""
