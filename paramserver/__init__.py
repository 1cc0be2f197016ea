"""The parameter server: shared weights, the workers, and the run's charts (`python -m a3c64.paramserver`)."""
