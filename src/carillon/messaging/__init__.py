"""Messages: from the call that accepts them to what became of each."""
