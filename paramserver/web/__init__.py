"""The web page: its data, its server, its files."""
