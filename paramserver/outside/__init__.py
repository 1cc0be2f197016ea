"""What follows a run from outside: an experiment tracker, a command after each checkpoint. Neither can harm the run."""
