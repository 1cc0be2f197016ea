"""VNC's password: its file, and how a client proves that it knows it."""
