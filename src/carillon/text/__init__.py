"""Texts of messages: encodings, parts and placeholders. Pure: no database, no carrier."""
