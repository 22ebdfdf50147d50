"""360NRS's REST API: contacts, groups, blacklist and account (360NRS reference)."""
