"""Money: prices, balances and the journal, in integer micro-units of an account's currency."""
