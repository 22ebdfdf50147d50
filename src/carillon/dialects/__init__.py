"""The vendors' HTTP APIs, each played from its own keyboard. A dialect never imports another."""
