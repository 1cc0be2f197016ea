"""More than 100 environments, as `a3c64 train` meets them: each is understood, or refused in one line (table.py)."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from table import TABLE

from a3c64.config import BadInputError
from a3c64.envs.batch import EnvironmentBatch
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor
from a3c64.learning.learner import Learner
from a3c64.learning.network import design
from a3c64.learning.parameters import initialise
from a3c64.learning.rollout import Rollout

ENVS_LOG = Path(__file__).parents[2] / ".venv" / "envs.log"  # what pip said in `make .venv/envs`
STEPS = 12  # more than the first contact checks


def need(module):
    """Skip if a package is missing. That is a failure in CI, unless its package index lacks the package."""
    if not module or importlib.util.find_spec(module):
        return
    reason = f"{module} is not installed: make .venv/envs"
    lacks = ENVS_LOG.exists() and "No matching distribution found" in ENVS_LOG.read_text()
    pytest.fail(reason) if os.environ.get("CI") and not lacks else pytest.skip(reason)


def test_the_table_has_more_than_100_environments():
    assert len({row.name for row in TABLE}) == len(TABLE) > 100


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_an_environment_is_understood_or_refused_in_one_line(row, tmp_path, monkeypatch, capfd):
    need(row.module)
    monkeypatch.chdir(tmp_path)  # ViZDoom writes files into the working folder
    given = Hyperparameters(env_id=row.env_id, env_args=json.dumps(row.args), envs_per_worker=1)
    if row.refused:
        with pytest.raises(BadInputError) as caught:
            look(given, row)
        said = str(caught.value)
        assert row.refused in said
        module, _, name = row.env_id.rpartition(":")
        assert name in said or module in said
        assert "\n" not in said
    else:
        look(given, row)
    assert "Traceback" not in capfd.readouterr().err


def look(given, row):
    """Make the environment, step it with random actions, and learn from it if the row says so."""
    batch = EnvironmentBatch.make(given, worker=0)
    try:
        network = design(batch.view.shape, batch.family, given)
        parameters = np.zeros((1, batch.family.outputs + batch.family.free), np.float32)
        generator = np.random.default_rng(0)
        for _ in range(STEPS):
            step = batch.step(batch.family.draw(parameters, generator))
            assert np.isfinite(step.rewards).all()
            assert not step.cut.any()
        assert row.sees in batch.view.description
        if row.learns:
            learn(network, given, batch, generator)
    finally:
        batch.close()


def learn(network, given, batch, generator):
    """Play a rollout with the network, and compute its gradient."""
    actor, learner = Actor(network, 1), Learner(network, given, 1, masked=batch.allowed is not None)
    for one in (actor, learner):
        one.load(initialise(network.specs, seed=1))
    rollout = Rollout(given.t_max, 1, network.shape, network.family)
    first = memory = actor.forget()
    starts = np.ones(1, np.float32)
    while not rollout.full:
        rollout.saw(batch.observations)
        action = actor.act(batch.observations, starts, memory, generator, batch.allowed)
        step = batch.step(action.actions)
        ends = step.terminated, step.truncated
        rollout.append(starts, action.actions, action.parameters, action.values, step.rewards, *ends, np.zeros(1))
        memory, starts = action.memory, (step.terminated | step.truncated).astype(np.float32)
    returns = rollout.rewards + 1.0
    played = rollout.observations, rollout.starts, rollout.actions, rollout.parameters
    gradient = learner.gradient(*played, returns - rollout.values, returns, first)
    assert np.isfinite(gradient.vector).all()
    assert gradient.vector.any()
