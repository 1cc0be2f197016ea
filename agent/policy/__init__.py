"""Trained policies: checkpoints, policy files, bundled policies, and playing episodes with them."""
