"""Events: facts about messages in each account's own sequence, and the callbacks that tell them to a caller's URL."""
