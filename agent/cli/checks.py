"""The checks of `train` before it starts or writes anything: the run folder, the ports, the environment."""

import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from a3c64 import ports
from a3c64.addresses import parse
from a3c64.cli.command import Parsed
from a3c64.config import BadInputError, Settings, flag, named
from a3c64.files import why_unwritable
from a3c64.hyperparameters import listed
from a3c64.progress import Progress

if TYPE_CHECKING:
    from a3c64.policy.policy_file import Policy

MAKING_S = 20.0  # timeout for making the environment; after it, errors are left to the workers
QUIET_S = 1.0  # without a progress bar
STEPS = 3  # of an environment, to find errors in its step
OK = "ok"


def check_ports(settings: Settings) -> None:
    """Refuse a run whose ports are taken. Otherwise `train` would print links to the page of another program.

    Raises:
        BadInputError: a port cannot be listened on.
    """
    wanted = []
    if settings.bind.startswith("tcp://"):
        wanted.append(ports.Wanted("bind", *parse(settings.bind.removeprefix("tcp://"))))
    if settings.tensorboard_port:
        wanted.append(ports.Wanted("tensorboard_port", settings.tensorboard_host, settings.tensorboard_port))
    if settings.web_port:
        wanted.append(ports.Wanted("web_port", settings.web_host, settings.web_port))
    if settings.vnc_port:
        last = settings.vnc_port + settings.workers - 1
        if last > 65535:
            raise BadInputError(
                f"--vnc-port: found {settings.vnc_port}, expected {65536 - settings.workers} or less: "
                f"{settings.workers} workers use one port each"
            )
        wanted += [ports.Wanted("vnc_port", settings.vnc_host, port) for port in range(settings.vnc_port, last + 1)]
    ports.check(wanted)


def check_run_folder(run_dir: Path) -> None:
    """Refuse a run folder that cannot be written.

    Raises:
        BadInputError: the folder cannot be written.
    """
    if reason := why_unwritable(run_dir / "config.json"):
        raise BadInputError(f"{named('run_dir')}: {run_dir} cannot be used: {reason}")


def check_environment(settings: Settings, parsed: Parsed, start: "Policy | None" = None) -> None:
    """Make the run's environment, reset and step it, so that its errors appear before anything is started.

    The user's callbacks are imported, too.

    This happens in a child process: an environment may use much memory, start threads, or crash.

    Raises:
        BadInputError: the environment cannot be made, a flag does not apply to it, the policy that the run is to begin
            with does not fit it, or a callback cannot be imported.
    """
    read, write = os.pipe()
    child = os.fork()  # this process has one thread
    if child == 0:
        os.close(read)
        _report(settings, parsed, start, write)
    os.close(write)
    try:
        if not select.select([read], [], [], QUIET_S)[0]:
            with Progress("checking the environment", 1, lines=False):
                if not select.select([read], [], [], MAKING_S)[0]:
                    return
        said = os.read(read, 1 << 16).decode(errors="replace")
    finally:
        os.close(read)
        os.kill(child, signal.SIGKILL)  # it may still be closing the environment
        _, status = os.waitpid(child, 0)
    if said != OK:
        raise BadInputError(
            said or f"--env-id: {settings.env_id} cannot be made: its process ended with {_ending(status)}"
        )


def _report(settings: Settings, parsed: Parsed, start: "Policy | None", write: int) -> None:
    """Make the environment and write its error, or OK, into a pipe. This function does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C, the parent kills this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):  # the workers will print the same messages
        os.dup2(nowhere, descriptor)
    try:
        said = _wrong_with(settings, parsed, start) or OK
    except BaseException as error:
        said = f"--env-id: {settings.env_id}: {type(error).__name__}: {' '.join(str(error).split())}"
    os.write(write, said.encode()[: select.PIPE_BUF])
    os._exit(0)


def _wrong_with(settings: Settings, parsed: Parsed, start: "Policy | None") -> str:
    """Return the error of making a run's environment; "" if it can be made."""
    from a3c64.processes import end_with_parent, limit_threads

    end_with_parent()
    limit_threads()
    import numpy as np

    from a3c64.envs import making
    from a3c64.envs.actions import family_of
    from a3c64.envs.batch import EnvironmentBatch, view_of
    from a3c64.envs.masks import masked
    from a3c64.envs.own_code import load
    from a3c64.learning.network import design
    from a3c64.policy.transplant import check_fit
    from a3c64.teaching.movies import check_movies

    hyperparameters, rom = settings.hyperparameters(), settings.rom
    try:
        for name in listed(settings.callback):
            load("callback", name)
        making.check(hyperparameters, rom)
        if hyperparameters.demonstrations:
            movies = Path(hyperparameters.demonstrations)
            check_movies(hyperparameters, [movies], rom, flag("demonstrations"))
        spec = making.find(hyperparameters.env_id)
        if "rom" in parsed and not making.is_n64(spec):
            return f"{flag('rom')}: {hyperparameters.env_id} is not an N64 game; leave this setting out"
        own = hyperparameters.reward or hyperparameters.wrapper  # the user's code is tried in a few steps
        if making.is_n64(spec) and not own:  # a first reset plays through menus; a start takes milliseconds
            env = making.make_one(hyperparameters, rom)
            shape, family = view_of(env, hyperparameters).shape, family_of(env.action_space)
            env.unwrapped.start()  # type: ignore[attr-defined]
            env.close()
        else:
            batch = EnvironmentBatch.make(hyperparameters.model_copy(update={"envs_per_worker": 1}), 0, rom)
            parameters = np.zeros((1, batch.family.outputs + batch.family.free), np.float32)
            for _ in range(STEPS):
                batch.step(batch.family.draw(masked(parameters, batch.allowed), np.random.default_rng(0)))
            batch.close()
            shape, family = batch.view.shape, batch.family
        if start or hyperparameters.network:
            network = design(shape, family, hyperparameters)
            if start:
                check_fit(start, network.specs)
    except BadInputError as error:
        return str(error)
    return ""


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"code {code}"
