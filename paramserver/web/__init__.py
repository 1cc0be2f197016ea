"""The web page: what it is told, its server, its files."""
