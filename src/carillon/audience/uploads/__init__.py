"""Uploads: batches of rows that an API call brings, written at once or queued for the workers."""
