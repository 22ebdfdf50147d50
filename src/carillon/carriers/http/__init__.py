"""Any provider that takes messages by HTTP, described by a template in the carrier's options."""
