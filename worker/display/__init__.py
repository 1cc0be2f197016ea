"""A worker's display: its content, and the processes that show it."""
