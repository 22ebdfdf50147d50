"""Outgoing HTTP: one client for callbacks and carriers, which reaches public addresses and allowed networks only."""
