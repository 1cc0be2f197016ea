"""A class for each game, and what it knows of its menus and memory."""
