"""Faulty environments: each is refused in one line, or learned from with a warning; none restarts for ever."""

import json
import logging
import re

import numpy as np
import pytest
from strange_env import LENGTH

from a3c64.config import BadInputError
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.failures import FailedError
from a3c64.hyperparameters import Hyperparameters

REFUSED = {  # fault -> a part of the error
    "make RuntimeError": r"making it raised RuntimeError: no licence .strange_env.py, line \d+.$",
    "make KeyError": r"making it raised KeyError: 'x' .strange_env.py, line",
    "make NotImplementedError": r"making it raised NotImplementedError .strange_env.py, line",
    "make AssertionError": r"making it raised AssertionError .strange_env.py, line",
    "make SystemExit": r"making it raised SystemExit: bye .strange_env.py, line",
    "reset RuntimeError": r"reset raised RuntimeError: no licence .strange_env.py, line \d+.$",
    "reset KeyError": r"reset raised KeyError: 'x' .strange_env.py, line",
    "reset NotImplementedError": r"reset raised NotImplementedError .strange_env.py, line",
    "reset SystemExit": r"reset raised SystemExit: bye .strange_env.py, line",
    "reset library": r"reset raised LinAlgError: Singular matrix .strange_env.py, line",
    "reset bare": r"reset must return .observation, info., found an array of shape .3,.; this is the interface of Gym",
    "reset three": r"reset must return .observation, info., found a tuple of 3",
    "reset no info": r"reset must return .observation, info., found a tuple of 2",
    "reset None": r"reset must return .observation, info., found None",
    "reset shape": r"reset returned an observation .* expected shape .3,., found an array of shape .2,.$",
    "reset None observed": r"reset returned an observation .* expected shape .3,., found None",
    "ragged": r"reset returned an observation .* expected shape .3,., found \[\[1.0\], \[1.0, 2.0\]\]",
    "a missing key": r"reset returned an observation .* there is no 'speed', found \['place'\]",
    "a short tuple": r"reset returned an observation .* expected a tuple of 2, found a tuple of 1",
    "step RuntimeError": r"the first step raised RuntimeError: no licence .strange_env.py, line \d+.$",
    "step KeyError": r"the first step raised KeyError: 'x' .strange_env.py, line",
    "step SystemExit": r"the first step raised SystemExit: bye .strange_env.py, line",
    "step four": r"step must return .observation, reward, .* found a tuple of 4; this is the interface of Gym before",
    "step six": r"step must return .observation, reward, .* found a tuple of 6$",
    "step None": r"step must return .observation, reward, .* found None$",
    "step no info": r"step must return .observation, reward, .* found a tuple of 5$",
    "step shape": r"step returned an observation .* expected shape .3,., found an array of shape .2,.$",
    "reward vector": r"step must return one number as reward, found array\(\[",
    "reward None": r"rewards must be finite numbers, found None, in 100 episodes in a row",
    "always nan": r"observations must be finite numbers, found nan, in 100 episodes in a row",
    "late RuntimeError": r"step raised RuntimeError: no licence .*, in 20 episodes in a row, and none of them ended",
    "late four": r"step raised ValueError: .*expected 5, got 4.*, in 20 episodes in a row",
}
LEARNED = {  # fault -> a part of the only warning; None = no warning
    "": None,
    "close RuntimeError": r"close raised RuntimeError: no licence .strange_env.py, line",
    "float64": r"expecting numpy array dtype to be float32, actual type: float64",
    "a list": r"expecting a numpy array, actual type: <class 'list'>",
    "a column": r"is not within the observation space",
    "too large": r"is not within the observation space",
    "reward array": r"reward returned by `step..` must be a float, int, .* actual type: <class 'numpy.ndarray'>",
    "reward bool": r"reward returned by `step..` must be a float, int, .* actual type: <class 'bool'>",
    "ends are integers": r"Expects `terminated` signal to be a boolean",
    "sometimes RuntimeError": r"step 17 of environment \d raised RuntimeError: no licence .strange_env.py, line",
    "sometimes SystemExit": r"step 17 of environment \d raised SystemExit: bye .strange_env.py, line",
    "late no info": None,
}


def hyperparameters(fault, env_id="strange_env:Strange-v0"):
    return Hyperparameters(env_id=env_id, env_args=json.dumps({"fault": fault}) if fault else "{}", envs_per_worker=2)


def play(given, steps):
    """Take steps with action 1 in a batch; return the finished episodes, the number of cut ones, and the batch."""
    batch = EnvironmentBatch.make(given, worker=0)
    episodes, cut = [], 0
    try:
        for _ in range(steps):
            step = batch.step(np.ones(2, np.int32))
            assert np.isfinite(step.rewards).all()
            episodes, cut = [*episodes, *step.episodes], cut + int(step.cut.sum())
    finally:
        batch.close()
    return episodes, cut


@pytest.mark.parametrize("fault", REFUSED)
def test_a_fault_is_refused_in_one_line_with_the_environments_name(fault):
    # An episode that has ended normally would make a restart useful, so "late" faults get episodes that never end.
    env_id = "strange_env:StrangeNeverEnds-v0" if fault.startswith("late") else "strange_env:Strange-v0"
    with pytest.raises(BadInputError) as caught:
        play(hyperparameters(fault, env_id), 1500)
    said = str(caught.value)
    assert re.search(REFUSED[fault], said), said
    assert env_id.partition(":")[2] in said
    assert "\n" not in said
    assert isinstance(caught.value, FailedError) == (" raised " in said and "20 episodes" not in said)


@pytest.mark.parametrize("fault", LEARNED)
def test_a_smaller_fault_is_named_once_and_learned_from(fault, caplog):
    episodes, cut = play(hyperparameters(fault), 400)
    assert cut == (8 if fault.startswith("sometimes") else 0)
    assert len(episodes) >= 2 * (400 // LENGTH) - 2 * cut - 2
    assert {(one.length, one.total_reward) for one in episodes} == {(LENGTH, LENGTH)}
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == len(set(said)), "each fault is named once"
    if LEARNED[fault] is None:
        assert not said
    else:
        assert any(re.search(f"Strange-v0: .*{LEARNED[fault]}", line) for line in said), said


def test_an_environment_that_worked_before_and_then_always_raises_ends_only_its_process():
    with pytest.raises(RuntimeError, match=r"step raised RuntimeError: no licence .* in 20 episodes in a row"):
        play(hyperparameters("late RuntimeError"), 1500)


@pytest.mark.parametrize(
    ("env_id", "said"),
    [
        (
            "strange_env:Old-v0",
            r"Old-v0: .*reset\(\) got an unexpected .* 'seed'.*; this is the interface of Gym before",
        ),
        ("strange_env:NotAnEnv-v0", r"NotAnEnv-v0: .*must inherit from the gymnasium.Env class"),
        (
            "strange_import:Any-v0",
            r"strange_import cannot be imported: RuntimeError: no licence .strange_import.py, line",
        ),
    ],
)
def test_what_is_not_an_environment_of_gymnasium_is_refused(env_id, said):
    with pytest.raises(BadInputError, match=said) as caught:
        play(hyperparameters("", env_id), 3)
    assert "\n" not in str(caught.value)
