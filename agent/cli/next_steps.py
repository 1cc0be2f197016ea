"""The last lines of `a3c64 train`: what to do with the run that has stopped."""

import shlex
from pathlib import Path

from a3c64.policy import checkpoint


def next_steps(run_dir: Path, again: str, over: bool) -> list[str]:
    """Return lines that say where the run is saved, how to resume it, and how to watch its policy.

    Args:
        run_dir: the run's folder.
        again: the command that resumes the run.
        over: the run has reached its end, so it cannot be resumed.
    """
    saved = checkpoint.steps(run_dir / checkpoint.CHECKPOINTS)
    if not saved:
        return [f"nothing is saved in {run_dir}: no worker has shared a gradient yet"]
    best = " --load-best" if checkpoint.steps(run_dir / checkpoint.BEST) else ""
    lines = [f"saved up to step {saved[0]:,}, in {run_dir / checkpoint.CHECKPOINTS / f'step_{saved[0]}'}"]
    if not over:
        lines.append(f"to go on: {again}")
    return [*lines, f"to watch it: a3c64 enjoy --run-dir {shlex.quote(str(run_dir))}{best}"]
