"""Value types that every layer may use; nothing here knows a database, a vendor or the network."""
