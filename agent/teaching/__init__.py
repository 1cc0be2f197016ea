"""Teaching a policy with movies of a game."""
