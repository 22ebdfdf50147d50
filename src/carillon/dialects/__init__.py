"""The vendors' HTTP APIs, one folder each. A dialect never imports another."""
