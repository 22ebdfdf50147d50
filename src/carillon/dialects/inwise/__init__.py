"""inwise's API for contacts."""
