"""The Optuna study of a sweep: its file, and the loop that tries values until the sweep has enough trials.

Several processes, also of several machines with a common folder, can work on one study. Each asks the file for values.
"""

import logging
import resource
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from a3c64.config import BadInputError
from a3c64.sweep import locks, results
from a3c64.sweep.results import CPU, ERROR, FOLDER
from a3c64.sweep.space import Range, Space
from a3c64.sweep.trial import InterruptedTrialError, TrialFailedError, run_trial

log = logging.getLogger(__name__)

FILE, NAME = "study.db", "sweep"
SPACE = "space"  # a user attribute of the study
HEARTBEAT_S = 30
STALE_S = 300  # a trial without a heartbeat for so long is begun again: its machine is lost, or does not release locks
LOCKED_S = 60.0  # longest wait for another process that writes the study's file
LEAST_RANDOM, MOST_RANDOM = 4, 10  # trials before TPE chooses: a quarter of all, within these bounds
UNPRUNED = 4  # trials that are never pruned: a median of fewer says little
WARMUP = 0.2  # share of a trial's steps in which it is not pruned

warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # heartbeats and retries are
retry = RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)


def open_study(folder: Path, space: Space, trials: int, usual: dict[str, Any]) -> optuna.Study:
    """Return the study in a folder, a new one if there is none.

    The first trial of a new study has the usual values, so that the others are compared with them.

    Args:
        folder: of the sweep; it exists.
        space: the sweep's file.
        trials: how many the sweep shall have.
        usual: the values that the searched settings have without the sweep.

    Raises:
        BadInputError: the folder has a sweep of another space, or its file is damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # our log has a line for each trial
    random = min(max(trials // 4, LEAST_RANDOM), MOST_RANDOM)
    sampler = optuna.samplers.TPESampler(n_startup_trials=random, multivariate=True)
    pruner = optuna.pruners.MedianPruner(UNPRUNED, n_warmup_steps=int(WARMUP * space.steps))
    try:
        with locks.alone(folder):  # one process begins the study, and the others find it
            storage = RDBStorage(
                f"sqlite:///{folder.resolve() / FILE}",
                engine_kwargs={"connect_args": {"timeout": LOCKED_S}},
                heartbeat_interval=HEARTBEAT_S,
                grace_period=STALE_S,
                heartbeat_stale_trial_callback=retry,
            )
            study = optuna.create_study(
                storage=storage,
                sampler=sampler,
                pruner=pruner,
                study_name=NAME,
                direction="maximize",
                load_if_exists=True,
            )
            if SPACE not in study.user_attrs:
                study.set_user_attr(SPACE, space.text)
                if space.holds(usual):
                    study.enqueue_trial({name: usual[name] for name in space.ranges})
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError) as error:
        raise BadInputError(f"{folder / FILE} cannot be used: {' '.join(str(error).split()):.200}") from None
    if (known := study.user_attrs[SPACE]) != space.text:
        raise BadInputError(
            f"{folder} has a sweep with another file ({results.difference(known, space.text)} differ): "
            "give that file, or another --folder"
        )
    return study


def search(study: optuna.Study, folder: Path, space: Space, trials: int, minutes: float, stop: threading.Event) -> None:
    """Try values until the study has `trials` trials, the time is over, or `stop` is set.

    Args:
        study: of `open_study`.
        folder: of the sweep.
        space: the sweep's file.
        trials: of the study, with those of earlier starts and of other processes.
        minutes: after which this process begins no other trial; 0 = no limit.
        stop: when set, the running trial is saved. The next start continues it.
    """
    deadline = time.monotonic() + 60 * minutes if minutes else float("inf")

    running = -1  # the number of the newest trial

    def objective(trial: Trial) -> float:
        nonlocal running
        running = trial.number
        with locks.held(folder, trial.number):
            return _try(trial, folder, space, stop)

    while not stop.is_set() and time.monotonic() < deadline:
        _retry_killed(study, folder)
        if _begun(study) >= trials:
            return
        try:
            study.optimize(objective, n_trials=1, catch=(TrialFailedError,))
        except InterruptedTrialError:
            retry(study, study.get_trials()[running])
            return
        results.write(folder, study, space)


def _retry_killed(study: optuna.Study, folder: Path) -> None:
    """Put the trials of killed processes back into the queue. They keep their folders, so their runs go on."""
    fail_stale_trials(study)
    with locks.alone(folder):
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            if locks.was_killed(folder, trial.number):
                locks.forget(folder, trial.number)
                try:
                    study.tell(trial.number, state=TrialState.FAIL)
                except ValueError:  # another process has just done so, because the heartbeat is old
                    continue
                retry(study, trial)
                log.warning("%s: its process was killed; it is begun again", trial.user_attrs.get(FOLDER, trial.number))


def _begun(study: optuna.Study) -> int:
    """Return the number of trials that have ended or are running. One that was begun again counts once."""
    ended = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
    return len(results.current(study, ended))


def _try(trial: Trial, folder: Path, space: Space, stop: threading.Event) -> float:
    """Run one trial and return its score.

    Raises:
        TrialPruned: half of the other trials were better at the same step.
        TrialFailedError: it has no result.
        InterruptedTrialError: `stop` was set.
    """
    values = {name: _suggest(trial, name, searched) for name, searched in space.ranges.items()}
    name = trial.user_attrs.get(FOLDER) or f"trial-{trial.number:04d}"  # one that is begun again keeps its folder
    trial.set_user_attr(FOLDER, name)
    known = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    log.info("%s: %s", name, results.shown(values))
    before = _cpu_s()

    def report(step: int, value: float) -> None:
        if step not in known:
            trial.report(value, step)
            if trial.should_prune():
                log.info("%s: pruned after %s steps with a mean return of %.2f", name, f"{step:,}", value)
                raise optuna.TrialPruned

    try:
        score = run_trial(space, values, folder / name, report, stop)
    except TrialFailedError as error:
        trial.set_user_attr(ERROR, str(error))
        log.warning("%s failed: %s", name, error)
        raise
    finally:
        trial.set_user_attr(CPU, round(trial.user_attrs.get(CPU, 0.0) + _cpu_s() - before, 1))
    log.info("%s: mean return %.2f", name, score)
    return score


def _suggest(trial: Trial, name: str, searched: Range | tuple[Any, ...]) -> Any:
    if not isinstance(searched, Range):
        return trial.suggest_categorical(name, searched)
    if searched.whole:
        step = int(searched.step or 1)
        return trial.suggest_int(name, int(searched.low), int(searched.high), log=searched.log, step=step)
    return trial.suggest_float(name, searched.low, searched.high, log=searched.log, step=searched.step)


def _cpu_s() -> float:
    """Return the CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
