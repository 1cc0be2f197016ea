"""Make a movie of a race faster by search over savestates, as makers of tool-assisted speedruns do."""
