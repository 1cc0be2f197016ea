"""Environments as a batch: observations, actions, episodes."""
