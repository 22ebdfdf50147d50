"""The HTTP side: request and reply values, sites, routing, the front and the server."""
