"""The first contact with an environment logs the complaints of Gymnasium's checks."""

import logging
import warnings

import gymnasium as gym
import numpy as np

from a3c64.envs.contact import FirstContact


class Complaining(gym.Env):
    observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), 0.0, False, False, {}


def test_resources_that_python_collects_meanwhile_are_no_complaint(monkeypatch, caplog):
    """A socket that was collected during the first step was reported as a complaint about the environment."""

    def checked(env, action):
        warnings.warn("unclosed socket", ResourceWarning, stacklevel=1)
        warnings.warn("an odd reward", UserWarning, stacklevel=1)

    monkeypatch.setattr("a3c64.envs.contact.env_step_passive_checker", checked)
    with caplog.at_level(logging.WARNING):
        FirstContact(Complaining(), "mine", set(), lambda: None).step(0)
    assert [record.getMessage() for record in caplog.records] == ["mine: an odd reward"]
