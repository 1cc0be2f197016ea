"""A worker: acts in its environments, computes gradients and sends them (`python -m a3c64.worker`)."""
