"""Commands that train: train, and its parts server, worker, evaluator."""

import argparse
import logging
import re
from functools import partial

from a3c64 import logs
from a3c64.addresses import link
from a3c64.cli.checks import check_environment, check_ports, check_run_folder
from a3c64.cli.command import Command, Parsed
from a3c64.cli.games import add_game, keep_game, with_game
from a3c64.config import BadInputError, Settings
from a3c64.output import say

log = logging.getLogger(__name__)

RANGE = re.compile(r"(\d+)\.\.(\d+)")


def add_listen(parser: argparse.ArgumentParser) -> None:
    """Add the option of `train` that lets other machines join."""
    parser.add_argument(
        "--listen",
        nargs="?",
        const="0.0.0.0",
        metavar="HOST",
        help="let workers of other machines join: listen on all IPv4 addresses, or on HOST, and print their command",
    )


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `train`."""
    add_listen(parser)
    parser.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="run the workers on a Ray cluster, whose head has this address; without ADDRESS, on the cluster of this "
        "machine. --workers 4..64 asks for 64, and a line says when fewer than 4 run",
    )
    add_game(parser)


def with_range(parsed: Parsed) -> Parsed:
    """Accept --workers LEAST..MOST with --ray: return the options with the most as `workers`, and `least_workers`.

    Raises:
        BadInputError: the range is empty, or --ray is missing.
    """
    match = RANGE.fullmatch(parsed.get("workers", ""))
    if not match:
        return parsed
    least, most = map(int, match.groups())
    if parsed["ray"] is None:
        raise BadInputError(f"--workers: found {match[0]}, expected a whole number; a range needs --ray")
    if not 1 <= least <= most:
        raise BadInputError(f"--workers: found {match[0]}, expected LEAST..MOST such as 4..64")
    return parsed | {"workers": str(most), "least_workers": least}


def add_join(parser: argparse.ArgumentParser) -> None:
    """Add the option of `worker` that joins a run of another machine."""
    parser.add_argument(
        "--join",
        metavar="LINK",
        help="start workers for a run on another machine, with the link that `train --listen` printed there; - reads "
        "the link from standard input",
    )


def train(settings: Settings, parsed: Parsed) -> int:
    """Train on this machine: parameter server, TensorBoard and workers as child processes."""
    from a3c64.processes import limit_threads

    limit_threads()  # before NumPy is imported
    from a3c64.cli import ray_cluster
    from a3c64.cli.inviting import Serving, invitation
    from a3c64.cli.joining import listening
    from a3c64.paramserver.outside import followers
    from a3c64.paramserver.run_keys import check_encryption
    from a3c64.policy import policy_file
    from a3c64.policy.resume import resume

    resumption = resume(with_game(settings, parsed))
    settings = listening(resumption.settings, parsed["listen"])
    start = policy_file.find(settings.from_policy) if settings.from_policy and not resumption.exists else None
    if settings.deterministic and settings.workers != 1:
        raise BadInputError(
            f"--workers: found {settings.workers}, expected 1 with --deterministic: gradients of several workers "
            "arrive in an order that cannot be repeated; give --workers 1"
        )
    check_encryption(settings)
    followers.check(settings)
    if parsed["ray"] is not None:
        ray_cluster.check(parsed["ray"], settings)
    check_run_folder(settings.run_dir)
    check_ports(settings)
    check_environment(settings, parsed, start)
    elsewhere = None
    if parsed["ray"] is not None:  # only now, because it starts threads, and check_environment forks
        cluster = ray_cluster.connect(parsed["ray"])
        settings = ray_cluster.serving(settings, cluster)
        check_ports(settings)
        least = parsed.get("least_workers", settings.workers)
        elsewhere = partial(ray_cluster.RayWorkers, cluster.host, least)
    settings = keep_game(settings)
    from a3c64.cli.local import LocalRun
    from a3c64.processes import stop_on_signals

    stop = stop_on_signals()
    logs.configure("local", settings.log_level, settings.log_format)
    log.info("%s: %d workers, run folder %s; Ctrl-C stops", settings.env_id, settings.workers, settings.run_dir)
    _say_where_to_look(settings)
    if settings.vnc_port:
        last = settings.vnc_port + settings.workers - 1
        log.info(
            "VNC: %s, ports %d to %d; `a3c64 watch --show-password` prints the password",
            settings.vnc_host,
            settings.vnc_port,
            last,
        )

    def invite() -> None:
        if parsed["listen"]:
            server = Serving(settings.bind, settings.key_file or settings.run_dir / "keys" / "client")
            invited = invitation(server)
            log.info("other machines join with the next line (%s); with Docker: `a3c64 join --docker`", invited.note)
            say(invited.command)

    return LocalRun(settings, invite, elsewhere).run(stop)


def server(settings: Settings, parsed: Parsed) -> int:
    """Run the parameter server alone."""
    from a3c64.paramserver.__main__ import serve

    logs.configure("server", settings.log_level, settings.log_format)
    _say_where_to_look(settings)
    return serve(settings)


def _say_where_to_look(settings: Settings) -> None:
    if settings.tensorboard_port:
        log.info("TensorBoard: %s", link(settings.tensorboard_host, settings.tensorboard_port))
    if settings.web_port:
        log.info("workers' screens and the run's figures: %s", link(settings.web_host, settings.web_port))


def worker(settings: Settings, parsed: Parsed) -> int:
    """Run one worker, or with --join those of a machine: they act, compute gradients and send them to the server."""
    if parsed["join"]:
        from a3c64.cli.joining import join

        return join(settings, parsed)
    if "workers" in parsed:
        raise BadInputError("--workers: without --join, this command runs one worker; leave it out")
    from a3c64.worker.__main__ import work

    return work(settings)


def evaluator(settings: Settings, parsed: Parsed) -> int:
    """Run an evaluator: it plays episodes with the newest weights at regular intervals."""
    from a3c64.worker.evaluator import work

    return work(settings)


COMMANDS = (
    Command("train", train, add_train_options, prepare=with_range),
    Command("server", server),
    Command("worker", worker, add_join),
    Command("evaluator", evaluator),
)
