"""The audience engine: who is written to, under which address, and who must be left alone."""
