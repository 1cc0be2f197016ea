"""A game without code: a folder with game.toml, which says where a game's variables are and what is rewarded."""
