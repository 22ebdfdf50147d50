"""Imports of files: what the columns hold, chunk after chunk through the upsert engine, and the way back in."""
