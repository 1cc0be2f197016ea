"""The network, acting with it, its gradient, and the mathematics of A3C."""
