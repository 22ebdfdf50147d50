"""One-time passwords: made, sent, checked, and kept from being guessed or pumped."""
