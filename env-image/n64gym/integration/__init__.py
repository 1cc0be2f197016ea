"""Finding a game's variables: play it, search its memory, try a reward, and write a game folder."""
