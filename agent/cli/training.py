"""Commands that train: train, and its parts server, worker, evaluator."""

import logging

from a3c64 import logs
from a3c64.addresses import link
from a3c64.cli.checks import check_environment, check_ports, check_run_folder
from a3c64.cli.command import Command, Parsed
from a3c64.config import BadInputError, Settings

log = logging.getLogger(__name__)


def train(settings: Settings, parsed: Parsed) -> int:
    """Train on this machine: parameter server, TensorBoard and workers as child processes."""
    from a3c64.processes import limit_threads

    limit_threads()  # before NumPy is imported
    from a3c64.paramserver.run_keys import check_encryption
    from a3c64.policy.resume import resume

    settings = resume(settings).settings
    if settings.deterministic and settings.workers != 1:
        raise BadInputError(
            f"--workers: found {settings.workers}, expected 1 with --deterministic: gradients of several workers "
            "arrive in an order that cannot be repeated; give --workers 1"
        )
    check_encryption(settings)
    check_run_folder(settings.run_dir)
    check_ports(settings)
    check_environment(settings.hyperparameters(), settings.rom, parsed)
    from a3c64.cli.local import LocalRun
    from a3c64.processes import stop_on_signals

    stop = stop_on_signals()
    logs.configure("local", settings.log_level, settings.log_format)
    log.info("%s: %d workers, run folder %s; Ctrl-C stops", settings.env_id, settings.workers, settings.run_dir)
    if settings.tensorboard_port:
        log.info("TensorBoard: %s", link(settings.tensorboard_host, settings.tensorboard_port))
    if settings.web_port:
        log.info("workers' screens and the run's figures: %s", link(settings.web_host, settings.web_port))
    if settings.vnc_port:
        last = settings.vnc_port + settings.workers - 1
        log.info(
            "VNC: %s, ports %d to %d; `a3c64 watch --show-password` prints the password",
            settings.vnc_host,
            settings.vnc_port,
            last,
        )
    return LocalRun(settings).run(stop)


def server(settings: Settings, parsed: Parsed) -> int:
    """Run the parameter server alone."""
    from a3c64.paramserver.__main__ import serve

    return serve(settings)


def worker(settings: Settings, parsed: Parsed) -> int:
    """Run one worker: it acts, computes gradients and sends them to the server."""
    from a3c64.worker.__main__ import work

    return work(settings)


def evaluator(settings: Settings, parsed: Parsed) -> int:
    """Run an evaluator: it plays episodes with the newest weights at regular intervals."""
    from a3c64.worker.evaluator import work

    return work(settings)


COMMANDS = (
    Command("train", train),
    Command("server", server),
    Command("worker", worker),
    Command("evaluator", evaluator),
)
