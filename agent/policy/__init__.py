"""Trained policies: checkpoints, policy files, the bundled ones, and playing episodes with them."""
