"""SMPP 3.4: our end of binds to an SMSC, with a codec of our own (ADR 38)."""
