"""A worker: acts in its environments, differentiates, and shares the gradient (`python -m a3c64.worker`)."""
