"""`a3c64 watch`: the live status of a run, as a table in a terminal, else as lines."""

import sys
import threading
import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from a3c64.output import escaped
from a3c64.wire.address import ServerAddress
from a3c64.wire.report import RunReport, WorkerReport
from a3c64.wire.status import fetch

LOOK_S = 1.0
LINES_S = 5.0  # between two reports if there is no terminal; longer than LOOK_S, to keep logs short
FETCH_S = 2.0
COLUMNS = ("worker", "state", "steps/s", "return", "staleness", "restarts", "screen")


def figures(report: RunReport) -> str:
    """Return the figures of the whole run as one line, escaped."""
    parts = [
        f"{report.run} ({report.env_id})",
        f"{report.steps:,} steps",
        f"{report.steps_per_s:,.0f} steps/s",
        f"{report.episodes:,} episodes",
    ]
    if report.mean_return is not None:
        parts.append(f"return {report.mean_return:.2f}")
    parts += [figure.say() for figure in report.headlines]
    parts.append(f"workers {len(report.workers)}, {report.lost} lost")
    return escaped(" | ".join([*parts, *filter(None, (report.warning, report.over))]))


def cells(worker: WorkerReport) -> tuple[str, ...]:
    """Return the cells of a worker's row, escaped, one for each of COLUMNS."""
    emulators = f" + {worker.emulator_restarts} emulator" if worker.emulator_restarts else ""
    told = (
        str(worker.index),
        worker.state,
        f"{worker.steps_per_s:,.0f}",
        "-" if worker.mean_return is None else f"{worker.mean_return:.2f}",
        str(worker.staleness),
        f"{worker.restarts}{emulators}",
        worker.vnc or "-",
    )
    return tuple(map(escaped, told))


def picture(report: RunReport | None, address: object, silent_s: float) -> RenderableType:
    """Return the newest report as a table, with a line above it if the server has not answered since."""
    gone = Text(f"no server answers at {address} for {silent_s:.0f} s; looking again", style="yellow")
    if report is None:
        return gone
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in ("state", "screen") else "right", no_wrap=True)
    for worker in report.workers:
        table.add_row(*(Text(cell) for cell in cells(worker)))
    known = Group(Text(figures(report), style="bold"), table)
    return Group(gone, known) if silent_s else known


def lines(report: RunReport | None, address: object, silent_s: float) -> str:
    """Return the newest report as plain lines."""
    if report is None or silent_s:
        return f"no server answers at {address} for {silent_s:.0f} s; looking again"
    rows = ["  " + ", ".join(f"{n} {v}" for n, v in zip(COLUMNS, cells(w), strict=True)) for w in report.workers]
    return "\n".join([figures(report), *rows])


def watch(address: ServerAddress, stop: threading.Event) -> None:
    """Show the run of the server at `address` until `stop` is set. If the server stops, wait for it to come back."""
    console = Console()
    report, heard = None, time.monotonic()
    if not console.is_terminal:
        while not stop.is_set():
            newest = fetch(address, FETCH_S)
            heard = time.monotonic() if newest else heard
            print(lines(newest, address, 0.0 if newest else time.monotonic() - heard), flush=True)
            stop.wait(LINES_S)
        return
    with Live(console=console, auto_refresh=False, screen=False) as live:
        while not stop.is_set():
            newest = fetch(address, FETCH_S)
            if newest:
                report, heard = newest, time.monotonic()
            live.update(picture(report, address, 0.0 if newest else time.monotonic() - heard), refresh=True)
            stop.wait(LOOK_S)
    sys.stdout.flush()
