"""Contacts: looking up, querying, writing, subscribing and deleting them."""
