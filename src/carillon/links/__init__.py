"""Short links and landing pages: who gets which, where they lead, and who has opened them."""
