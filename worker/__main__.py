"""Run a worker: `python -m worker`, or `a3c64 worker`."""

import argparse
import os
import socket
import sys
import threading
from collections.abc import Sequence

from agent.processes import pin_tensorflow, pin_threads, stop_on_signals

pin_threads()

from agent.client import Client, Heartbeat, RefusedError, RunChangedError, StoppedError, connect  # noqa: E402
from agent.config import EXIT_BAD_INPUT, BadInputError, Settings, add_flags, load, parse  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until SIGTERM or SIGINT, or until the run is finished; return the exit code."""
    parser = argparse.ArgumentParser(prog="a3c64 worker", description="act, learn and share", allow_abbrev=False)
    add_flags(parser)
    try:
        settings = load(vars(parse(parser, sys.argv[1:] if arguments is None else arguments)))
        stop = stop_on_signals()
        name = f"{socket.gethostname()}:{os.getpid()}"
        client, heartbeat = connect(Client, settings.server, name, stop, settings.vnc_port)
        try:
            work(settings, client, heartbeat, stop)
        finally:
            heartbeat.stop()
            client.close()
    except StoppedError:
        return 0
    except (BadInputError, RefusedError) as error:
        print(f"a3c64 worker: {error}", file=sys.stderr, flush=True)
        return EXIT_BAD_INPUT
    return 0


def work(settings: Settings, client: Client, heartbeat: Heartbeat, stop: threading.Event) -> None:
    """Build environments, model and display for the server's run, and train; again if the run changes."""
    run = client.hello()
    heartbeat.start()
    pin_tensorflow(run.deterministic)  # takes seconds, so only once there is something to do
    from agent.envs import EnvironmentBatch
    from worker.display import show_on
    from worker.loop import train
    from worker.recording import Recorder

    while not stop.is_set():
        watched = settings.vnc_port != 0
        record = Recorder(settings.run_dir, settings.replays_mb * 1_000_000, client)
        environments = EnvironmentBatch.make(run, client.index, settings.rom, render_first=watched, wrap=record)
        try:
            display = show_on(
                settings.vnc_host, settings.vnc_port, settings.vnc_view, environments, run.env_id, client.index
            )
            with display as show:
                train(environments, client, run, stop, show)
            return
        except RunChangedError:
            run = client.start_over()
        finally:
            environments.close()


if __name__ == "__main__":
    sys.exit(main())
