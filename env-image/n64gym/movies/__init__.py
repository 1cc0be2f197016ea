"""Episodes as .m64 movies: the format, recording and playback."""
