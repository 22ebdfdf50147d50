"""Who may call, and how much: accounts, credentials, rate limits, and the trail of who changed what."""
