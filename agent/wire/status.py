"""Asking a parameter server how its run is doing."""

import threading
from typing import Any

from a3c64.wire.client import Client
from a3c64.wire.transport import SocketTransport


def connect_address(bind: str) -> str:
    """Return the address under which a server that binds `bind` is reached from the same machine."""
    return bind.replace("//0.0.0.0:", "//127.0.0.1:").replace("//*:", "//127.0.0.1:")


def fetch(address: str, timeout_s: float) -> dict[str, Any] | None:
    """Return the server's report, or None when no server answers in time."""
    client = Client(SocketTransport(address), "", "status", threading.Event())
    try:
        return client.ask(timeout_s)
    finally:
        client.close()


def text(report: dict[str, Any]) -> str:
    """Return a report as lines for people."""
    lines = [
        f"run       {report['run']} ({report['env_id']}), in {report['run_dir']}",
        f"steps     {report['steps']:,} at {report['steps_per_s']:,.0f} a second",
        f"trained   {report['seconds']:,.0f} s" + (f": {report['over']}" if report["over"] else ""),
        f"updates   {report['updates']:,}",
        f"episodes  {report['episodes']:,}",
        f"workers   {len(report['workers'])} alive, {report['joined']} joined, {report['lost']} lost",
        f"refused   {sum(report['refused'].values())}",
    ]
    lines += [
        f"  {w['index']:>3}  {w['name']}  {w['state']}, {w['steps']:,} steps at {w['steps_per_s']:,.0f} a second, "
        f"staleness {w['staleness']}, restarts {w['restarts']}"
        for w in report["workers"]
    ]
    if report["staleness"]:
        lines.append("staleness " + ", ".join(f"{name} {value:.0f}" for name, value in report["staleness"].items()))
    if report["evaluation"]:
        for which in ("last", "best"):
            one = report["evaluation"][which]
            figures = "".join(f", {name} {value:.2f}" for name, value in one["means"].items())
            lines.append(f"evaluated {which}: step {one['step']:,}, return {one['mean_reward']:.2f}{figures}")
    lines += [f"{name:<24}{value:.3f}" for name, value in report["means"].items()]
    return "\n".join(lines)
