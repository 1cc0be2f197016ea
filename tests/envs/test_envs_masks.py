"""Action masks: masked actions are never taken, in training and in evaluations, and wrong masks are one clear line."""

import json
import threading

import gymnasium as gym
import numpy as np
import pytest
from in_process import make_client, make_service
from masked_env import SPACES

from a3c64.config import BadInputError
from a3c64.envs.actions import family_of
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.masks import FORBIDDEN, ActionMasks, masked
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import design
from a3c64.learning.parameters import total_size
from a3c64.policy.episodes import play
from a3c64.worker.loop import train

KINDS = ("discrete", "from 3", "multi", "tuple")


def given(actions="discrete", changes=None, **settings):
    arguments = json.dumps({"actions": actions} | (changes or {}))
    return Hyperparameters(
        env_id="masked_env:Masked-v0", env_args=arguments, envs_per_worker=3, frame_stack=1, **settings
    )


def weights_of(hyperparameters):
    """All actions have the same logit, so that the greedy one is the first that is allowed."""
    batch = EnvironmentBatch.make(hyperparameters, worker=0)
    batch.close()
    return np.zeros(total_size(design(batch.view.shape, batch.family, hyperparameters).specs), np.float32)


@pytest.mark.parametrize("actions", KINDS)
@pytest.mark.parametrize("how", ["greedy", "drawn", "random"])
def test_no_masked_action_is_taken_in_an_evaluation(actions, how, caplog):
    """The environment raises an exception for a masked action, which would cut the episode with a warning."""
    hyperparameters = given(actions)
    weights = None if how == "random" else weights_of(hyperparameters)
    episodes = play(hyperparameters, weights, 6, greedy=how == "greedy")
    assert [one.length for one in episodes] == [20] * 6
    assert not caplog.records


@pytest.mark.parametrize(("actions", "lstm"), [("discrete", 8), ("tuple", 0)])
def test_no_masked_action_is_taken_in_training(actions, lstm, caplog):
    hyperparameters = given(actions, t_max=10, total_timesteps=600, lstm_size=lstm, learning_rate=0.01)
    service = make_service(**hyperparameters.model_dump())
    client, entropies = make_client(service), []
    push = client.push

    def noted(gradient, signature, version, steps, statistics, episodes):
        entropies.append(statistics["entropy"])
        assert np.isfinite(gradient).all()
        return push(gradient, signature, version, steps, statistics, episodes)

    client.push = noted
    client.hello()
    batch = EnvironmentBatch.make(hyperparameters, worker=0)
    train(batch, client, hyperparameters, threading.Event(), lambda moment: None)
    batch.close()
    assert service.weights.step == 600
    assert not [record for record in caplog.records if "raised" in record.getMessage()]
    free = np.log(4.0) if actions == "discrete" else np.log(3.0) + np.log(4.0)
    assert 0.0 < entropies[0] < 0.7 * free, "masked actions have no part in the entropy"


def test_a_masked_distribution_is_the_one_over_the_other_actions():
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    allowed = np.array([[1, 1, 1, 1], [0, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0]], bool)
    family = family_of(gym.spaces.Discrete(4))
    parameters = masked(logits, allowed)
    draws = np.array([family.draw(parameters, np.random.default_rng(seed)) for seed in range(4000)])
    for row in range(5):
        p = np.exp(logits[row]) * allowed[row]
        np.testing.assert_allclose(np.bincount(draws[:, row], minlength=4) / 4000, p / p.sum(), atol=0.03)
        assert family.greedy(parameters)[row] == np.argmax(p)
    assert family.divergence(parameters, parameters).tolist() == [0.0] * 5
    assert masked(logits, None) is logits


def test_masks_of_taxi_are_its_own():
    batch = EnvironmentBatch.make(Hyperparameters(env_id="Taxi-v4", envs_per_worker=2), worker=0)
    generator = np.random.default_rng(0)
    for _ in range(300):  # an episode has at most 200 steps, so both methods have given masks
        for k, env in enumerate(batch.environments):
            assert batch.allowed[k].tolist() == env.unwrapped.action_mask(env.unwrapped.s).astype(bool).tolist()
        batch.step(batch.family.draw(masked(np.zeros((2, 6), np.float32), batch.allowed), generator))
    batch.close()


def test_environments_without_masks_have_none():
    batch = EnvironmentBatch.make(Hyperparameters(env_id="CartPole-v1", envs_per_worker=2), worker=0)
    batch.step(np.zeros(2, np.int32))
    assert batch.allowed is None
    batch.close()


WRONG = {  # (action space, mask) -> a part of the error
    ("discrete", (0, 0, 0, 0)): r"must allow an action, found array\(\[0, 0, 0, 0\]\)$",
    ("discrete", (1, 1, 1)): "must have 4 numbers, 1 for each allowed action and 0 for the others, found array",
    ("discrete", ((1, 1), (1, 1))): "must have 4 numbers, .*, found array",
    ("discrete", (1, 1, 2, 0)): "must have 4 numbers, .*, found array",
    ("discrete", (1, 1, 0.5, 0)): "must have 4 numbers, .*, found array",
    ("discrete", 1): "must have 4 numbers, .*, found array",
    ("discrete", "all"): "must have 4 numbers, .*, found 'all'",
    ("multi", (1, 1, 1, 0, 0, 0, 0)): r"must allow an action of each choice, found array",
    ("multi", (1, 1, 1, 1)): r"must have 3 \+ 4 numbers",
    ("tuple", ((1, 1, 1, 1), (1, 1, 1, 1))): r"must have 3 \+ 4 numbers",
}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("actions", "mask"), WRONG)
def test_a_wrong_mask_is_one_clear_line(actions, mask, late):
    with pytest.raises(BadInputError) as caught:
        play(given(actions, {"wrong": mask, "late": late}), None, 3)
    said = str(caught.value)
    assert said.startswith('--env-id (A3C64_ENV_ID): Masked-v0: info["action_mask"] must')
    assert "\n" not in said
    with pytest.raises(BadInputError, match=WRONG[actions, mask]):
        raise caught.value


@pytest.mark.parametrize(
    ("actions", "bare", "said"),
    [
        ("discrete", "reset", "the first reset gave none"),
        ("box", "", "masks of Box actions are not supported"),
    ],
)
def test_a_mask_that_cannot_be_used_is_named_once(actions, bare, said, caplog):
    batch = EnvironmentBatch.make(given(actions, {"bare": bare}), worker=0)
    for _ in range(3):
        batch.step(np.zeros((3, *batch.family.shape), batch.family.dtype))
    assert batch.allowed is None
    batch.close()
    lines = [record.getMessage() for record in caplog.records if "action_mask" in record.getMessage()]
    assert lines == [f'Masked-v0: info["action_mask"] is ignored: {said}']


def test_all_actions_are_allowed_where_a_step_gives_no_mask():
    assert len(play(given(changes={"bare": "step"}), None, 3)) == 3
    masks = ActionMasks(gym.spaces.Discrete(3), 1, "X-v0")
    masks.see(0, {"action_mask": np.array([0, 1, 0], np.int8)})
    assert masks.allowed.tolist() == [[False, True, False]]
    masks.see(0, None)
    assert masks.allowed.tolist() == [[True, True, True]]


def test_sticky_actions_do_not_repeat_a_masked_action(caplog):
    assert len(play(given(sticky_actions=0.9), None, 6)) == 6
    assert not caplog.records


def test_frame_skip_is_refused_for_environments_with_masks():
    with pytest.raises(BadInputError, match=r"--frameskip .*: masked_env:Masked-v0 gives action masks"):
        play(given(frameskip=2), None, 3)


@pytest.mark.parametrize("actions", KINDS)
def test_allow_names_the_masked_actions(actions):
    space = SPACES[actions]
    masks = ActionMasks(space, 2, "X-v0")
    assert masks.allow(np.zeros((2, 2), int)).tolist() == [True, True], "without masks all are allowed"
    one = (np.array([1, 0, 1]), np.array([0, 1, 1, 0])) if "3 4" in str(space) else np.array([0, 1, 1, 0])
    for k in range(2):
        masks.see(k, {"action_mask": one})
    pairs = [[2, 3], [2, 1]] if isinstance(one, tuple) else [3, 1]  # in each pair, the last choice is masked, then not
    assert masks.allow(np.array(pairs)).tolist() == [False, True]
    assert (masked(np.zeros((2, masks.allowed.shape[1]), np.float32), masks.allowed) == FORBIDDEN).any()
