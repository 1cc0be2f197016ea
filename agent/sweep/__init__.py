"""Sweeps: search for better settings of a run with Optuna. Each trial is a run of `a3c64 train` with its own folder."""
