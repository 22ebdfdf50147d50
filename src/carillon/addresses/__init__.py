"""Phones and e-mails: parsing, normalising, and their columnar forms. Pure: no database."""
