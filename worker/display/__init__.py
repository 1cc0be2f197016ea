"""What a worker's display shows, and the processes that show it."""
