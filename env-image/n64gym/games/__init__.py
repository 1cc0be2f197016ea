"""One environment class per game, with the code for the game's menus and memory."""
