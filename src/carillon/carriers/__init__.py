"""Carriers: what takes messages and tells what became of them. No database: rows in, outcomes out."""
