"""`a3c64 doctor`: check a machine, and a game's ROM, in about a minute, and write a report about them."""
