"""What follows a run from outside, as the settings name it: an experiment tracker, a command after each checkpoint."""

import time
from pathlib import Path

from a3c64.config import Settings
from a3c64.paramserver.outside import checkpoint_command, trackers
from a3c64.paramserver.outside.checkpoint_command import CheckpointCommand
from a3c64.paramserver.outside.tracking import Tracking


class Followers:
    """Starts, tends and ends them. The server's loop never waits for them before its end.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings) -> None:
        run_dir = settings.run_dir
        self._tracking = Tracking(settings.track, settings.track_project, run_dir) if settings.track != "none" else None
        command = settings.checkpoint_command
        self._command = CheckpointCommand(command, run_dir) if command else None

    def failures(self) -> dict[str, int]:
        """Return the number of failures of each since this start of the server."""
        ours = {"tracking": self._tracking, "checkpoint_command": self._command}
        return {name: one.failures for name, one in ours.items() if one}

    def tend(self) -> None:
        """Do what is due. Call this often."""
        if self._tracking:
            self._tracking.tend()
        if self._command:
            self._command.tend()

    def checkpoint(self, path: Path) -> None:
        """Tell them of a finished checkpoint."""
        if self._command:
            self._command.checkpoint(path)

    def close(self, grace_s: float) -> None:
        """Let them finish within `grace_s`, and end them."""
        deadline = time.monotonic() + grace_s
        if self._command:
            self._command.close(grace_s)
        if self._tracking:
            self._tracking.close(max(1.0, deadline - time.monotonic()))


def check(settings: Settings) -> None:
    """Refuse what cannot work on this machine, before anything is written.

    Raises:
        BadInputError: the tracker's library is not installed, or the command's program is not there.
    """
    if settings.track != "none":
        trackers.check(settings.track)
    if settings.checkpoint_command:
        checkpoint_command.check(settings.checkpoint_command)
