"""The HTML page about a run: curves, evaluations, drawings of races."""
