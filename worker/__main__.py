"""Run a worker: `python -m a3c64.worker`, or `a3c64 worker`."""

import logging
import os
import socket
import sys
import threading
import time

from a3c64 import logs, program
from a3c64.processes import limit_threads, pin_tensorflow, stop_on_signals

limit_threads()
if __name__ == "__main__":
    program.leave_on_signals("a3c64 worker")  # the imports below take a second

from a3c64.config import EXIT_CRASHED, BadInputError, Settings  # noqa: E402
from a3c64.envs.failures import FailedError, GivenUpError  # noqa: E402
from a3c64.wire.address import address_in  # noqa: E402
from a3c64.wire.client import Client, RefusedError, RunChangedError, StoppedError, connect  # noqa: E402
from a3c64.wire.heartbeat import Heartbeat  # noqa: E402
from a3c64.wire.status import fetch  # noqa: E402
from a3c64.worker.watchdog import Signs, Watchdog  # noqa: E402

log = logging.getLogger("a3c64.worker")

FETCH_S = 5.0  # timeout of asking, after a failure, whether the run has learned anything


def main() -> int:
    """Run a worker with the settings of arguments and variables; return the exit code."""
    from a3c64.arguments import settings_of

    return program.run("a3c64 worker", lambda: work(settings_of("worker", "act, learn and share", sys.argv[1:])))


def work(settings: Settings) -> int:
    """Run a worker until SIGTERM or SIGINT, or until the run is finished; return the exit code.

    Raises:
        BadInputError: the environment cannot be made, or the server refuses this worker.
    """
    index = settings.worker_index if settings.worker_index >= 0 else None
    logs.configure("worker", settings.log_level, settings.log_format, index)
    stop = stop_on_signals()
    name = f"{socket.gethostname()}:{os.getpid()}"
    compress = settings.compression != "none"
    client, heartbeat = connect(
        Client, address_in(settings), name, stop, settings.vnc_port, settings.worker_index, compress
    )
    try:
        learn(settings, client, heartbeat, stop)
    except StoppedError:
        return 0
    except RefusedError as error:
        raise BadInputError(str(error)) from None
    except FailedError as error:
        report = fetch(address_in(settings), FETCH_S)
        if report is None or not report.steps:
            raise
        log.error("%s", error)  # the run has worked before, so a restart may help
        return EXIT_CRASHED
    except GivenUpError as error:
        log.error("%s", error)
        return EXIT_CRASHED
    finally:
        heartbeat.stop()
        client.close()
    return 0


def learn(settings: Settings, client: Client, heartbeat: Heartbeat, stop: threading.Event) -> None:
    """Build environments, model and display for the server's run, and train. Rebuild them if the run changes."""
    hyperparameters = client.hello()
    logs.number(client.index)
    heartbeat.doing = "checking the environment"
    heartbeat.start()
    from a3c64.envs.making import check

    check(hyperparameters, settings.rom)
    heartbeat.doing = "loading TensorFlow"
    pin_tensorflow(hyperparameters.deterministic)  # takes seconds, so it comes after the checks
    from a3c64.envs.batch import EnvironmentBatch
    from a3c64.teaching import movies
    from a3c64.vnc import password
    from a3c64.worker.display.display import show_on
    from a3c64.worker.display.x11vnc import VncServer
    from a3c64.worker.loop import train
    from a3c64.worker.recording import Recorder

    signs = Signs()
    watchdog = Watchdog(signs, settings.hang_timeout)
    client.waiting = signs.wait
    watchdog.start()

    def begun(count: int) -> None:
        heartbeat.doing = f"starting environments, {count} of {hyperparameters.environments_of(client.index)}"

    while not stop.is_set():
        watched = settings.vnc_port != 0
        if hyperparameters.demonstrations:
            heartbeat.doing = "playing demonstrations"
        shown = movies.of_run(hyperparameters, settings.rom, stop)
        heartbeat.doing = "starting environments"
        record = Recorder(settings.run_dir, settings.replays_mb * 1_000_000, client)
        begin = time.monotonic()
        environments = EnvironmentBatch.make(
            hyperparameters, client.index, settings.rom, render_first=watched, wrap=record, begun=begun
        )
        watchdog.made(time.monotonic() - begin)
        if client.index == 0:  # it is the same for all workers
            log.info("%s: the agent sees %s", hyperparameters.env_id, environments.view.description)
        heartbeat.doing = "building the network"
        try:
            display = show_on(
                VncServer(settings.vnc_host, settings.vnc_port, password.path_of(settings)),
                settings.vnc_view,
                environments,
                hyperparameters.env_id,
                client.index,
            )
            with display as show:
                train(environments, client, hyperparameters, stop, show, signs, shown)
                watchdog.close()
            return
        except RunChangedError:
            hyperparameters = client.start_over()
            logs.number(client.index)
        finally:
            environments.close()


if __name__ == "__main__":
    sys.exit(main())
