"""InforU's Contacts & Groups API, version 2 (InforU reference)."""
