"""How the server is set up, in a page."""
