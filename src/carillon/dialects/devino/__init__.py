"""Devino's address book: contact lists and their contacts (Devino reference)."""
