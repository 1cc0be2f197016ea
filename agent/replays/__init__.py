"""Find, choose, play and draw recorded episodes."""
