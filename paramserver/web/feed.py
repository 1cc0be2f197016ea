"""The web page's data, written once a second into two files that its server reads (paramserver/web/gateway.py)."""

import json
import logging
import secrets
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from a3c64 import logs
from a3c64.addresses import parse
from a3c64.config import Settings
from a3c64.files import write_whole
from a3c64.paramserver.web.sparklines import Sparklines
from a3c64.processes import spawn
from a3c64.supervisor import Supervisor
from a3c64.vnc import password
from a3c64.wire.report import RunReport

log = logging.getLogger(__name__)

REPORT = "run.json"  # for the page: the report of `a3c64 status --json`, and more
SCREENS = "screens.json"  # for the gateway only: token -> [host, port]
TELL_S = 1.0


class Web:
    """Supervises the page's server and writes its data. With port 0 it does nothing.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.run_dir / "web"
        self._log = settings.run_dir / "web.log"
        self._enabled = settings.web_port != 0
        place = settings.web_host, settings.web_port, self._folder, settings.run_dir
        about = *place, settings.web_hosts, password.path_of(settings)
        self._arguments = ["-m", "a3c64.paramserver.web.gateway", *map(str, about), *logs.choices()]
        self._supervisor = Supervisor(f"the web page's server (see {self._log})", self._launch)
        self.sparklines = Sparklines()
        self._tokens: dict[str, str] = {}  # address of a display -> its token
        self._next = 0.0
        self._failing = False

    def tend(self, report: Callable[[], RunReport]) -> None:
        """Write the data if it is due, and restart the page's server if it has ended. Call this often."""
        if not self._enabled:
            return
        if (now := time.monotonic()) >= self._next:
            self._next = now + TELL_S
            self._tell(report(), now)
        self._supervisor.tend()

    def close(self) -> None:
        """End the page's server."""
        self._supervisor.close(grace_s=2.0)
        if self._enabled:
            for name in (REPORT, SCREENS):
                with suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)

    def _tell(self, report: RunReport, now: float) -> None:
        """Write both files, each atomically."""
        addresses = {worker.vnc for worker in report.workers if worker.vnc}
        # A script of any site can open a WebSocket to this machine, but it cannot guess a token.
        self._tokens = {one: self._tokens.get(one) or secrets.token_urlsafe(12) for one in addresses}
        self.sparklines.add(now, report)
        workers = [worker.plain() | {"screen": self._tokens.get(worker.vnc or "")} for worker in report.workers]
        status = report.plain() | {"workers": workers, "at": time.time(), "history": self.sparklines.points()}
        screens = {token: parse(address) for address, token in self._tokens.items()}
        try:
            self._folder.mkdir(exist_ok=True)
            for name, content in ((SCREENS, screens), (REPORT, status)):
                write_whole(self._folder / name, json.dumps(content).encode(), sync=False)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning(
                    "%s cannot be written: %s; the web page is out of date",
                    self._folder,
                    error.strerror,
                )
            self._failing = True

    def _launch(self) -> subprocess.Popen:
        with self._log.open("wb") as log:
            return spawn(self._arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
