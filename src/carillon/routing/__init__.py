"""Which carrier takes a message: carriers and routes as rows, the choice among them, their health, and running them."""
