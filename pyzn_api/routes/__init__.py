"""One module per family of routes; each gives a router for the application."""
