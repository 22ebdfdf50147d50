"""Countries' rules for what is sent to their people, as data with their sources."""
