"""The operator's page, on a port of its own: the same as the commands, in a browser."""
