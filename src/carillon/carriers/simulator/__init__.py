"""The simulated phone network: what becomes of a message follows from the last four digits of its number."""
