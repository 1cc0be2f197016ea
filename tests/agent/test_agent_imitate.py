"""`a3c64 imitate`: a policy learns a driver's actions from movies, and `train` goes on from it."""

import dataclasses
import json
import threading

import numpy as np
import pytest
from teaching import ARGUMENTS, STEPS, drive_and_record

from a3c64.config import BadInputError
from a3c64.envs.actions import Categorical
from a3c64.envs.demonstrations import Demonstrations
from a3c64.envs.spaces import Observations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.imitation import targets_of
from a3c64.learning.network import design
from a3c64.learning.parameters import initialise
from a3c64.policy import checkpoint
from a3c64.teaching.imitate import BLOCK, EVERY, beginnings, teach
from a3c64.teaching.movies import check_movies, demonstrated
from n64gym.machine.controller import A
from n64gym.movies import m64

SMALL = {"env_args": json.dumps(ARGUMENTS), "frame_size": 16, "frame_colours": "grey", "t_max": 20}
NEVER = threading.Event()


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    return drive_and_record(tmp_path_factory.mktemp("movie"))


def changed(movie, folder, samples):
    """Return the path of a copy with other samples and the same facts."""
    path = folder / movie.name
    m64.write(path, dataclasses.replace(m64.read(movie), samples=samples))
    path.with_suffix(".json").write_bytes(movie.with_suffix(".json").read_bytes())
    return path


@pytest.mark.parametrize("memory", [{"frame_stack": 2}, {"frame_stack": 1, "lstm_size": 64}])
def test_held_out_steps_agree_with_the_teacher(movie, memory):
    hyperparameters = Hyperparameters(**SMALL, **memory, normalise_observations=True)
    shown = demonstrated(hyperparameters, [movie], "", NEVER)
    assert (shown.episodes, shown.steps, shown.inexact) == (1, STEPS, 0.0)
    assert shown.ended.nonzero()[0].tolist() == [STEPS - 1]
    network = design(shown.shape, shown.family, hyperparameters)
    weights = initialise(network.specs, 1)
    taught = teach(network, hyperparameters, weights, shown, 300, NEVER)
    assert taught.held_out.share > 0.75
    assert taught.held_out.share > 1.5 * taught.commonest
    np.testing.assert_array_equal(weights, initialise(network.specs, 1))
    assert 0 < taught.updates <= 300


def test_held_out_steps_are_not_taught():
    network = design(*_tiny(), Hyperparameters(lstm_size=8))
    allowed = np.arange(600) // BLOCK % EVERY != EVERY - 1
    first = beginnings(allowed, network, 40)
    windows = (first[:, None] + np.arange(40)) % 600
    assert len(first)
    assert allowed[windows].all()
    without = design(*_tiny(), Hyperparameters())
    np.testing.assert_array_equal(beginnings(allowed, without, 40), np.flatnonzero(allowed))


def _tiny():
    from a3c64.envs.spaces import Shape

    return Shape((0, 0, 0), 3), Categorical(2)


def test_values_are_fitted_to_discounted_returns_where_these_are_known():
    rewards = np.arange(12, dtype=np.float32)
    ended = np.zeros(12, bool)
    ended[[5, 11]] = True
    terminated = np.zeros(12, bool)
    terminated[5] = True  # the second episode is cut
    shown = Demonstrations(
        Categorical(2), Observations(np.zeros((12, 0, 0, 0), np.uint8), np.zeros((12, 3), np.float32)),
        np.zeros(12, np.float32), np.zeros(12, np.int32), np.ones(12, bool), rewards, terminated, ended,
    )  # fmt: skip
    targets = targets_of(shown, Hyperparameters(discount=0.5, rewards="raw"))
    expected = [sum(rewards[k] * 0.5 ** (k - n) for k in range(n, 6 if n < 6 else 12)) for n in range(12)]
    np.testing.assert_allclose(targets.returns, expected, rtol=1e-6)
    # After four steps, 0.5^4 = 6 % of a cut episode's return is not known; after three, 12 %.
    assert targets.known.tolist() == [1] * 6 + [1, 1, 1, 0, 0, 0]


def refusal(movies, rom="", **changes):
    hyperparameters = Hyperparameters(**SMALL | changes)
    with pytest.raises(BadInputError) as error:
        demonstrated(hyperparameters, check_movies(hyperparameters, movies, rom, "imitate"), rom, NEVER)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_movies_that_cannot_teach_are_refused_in_one_line(movie, tmp_path):
    samples = m64.read(movie).samples
    other = samples.copy()
    other[-100:] ^= np.uint32(A)
    assert "diverged between samples" in refusal([changed(movie, tmp_path, other)])
    idle = tmp_path / "idle.m64"
    m64.write(idle, dataclasses.replace(m64.read(movie), samples=np.zeros(90, np.uint32), vis=90))
    assert "idle.m64 never reaches a race" in refusal([idle])
    foreign = tmp_path / "foreign.m64"
    m64.write(foreign, dataclasses.replace(m64.read(movie), crc1=7))
    assert "was recorded on another ROM" in refusal([foreign])
    (tmp_path / "empty").mkdir()
    assert "no movie (.m64) found in" in refusal([tmp_path / "empty"])
    (tmp_path / "text.m64").write_text("text")
    assert "text.m64" in refusal([tmp_path / "text.m64"])
    assert "CartPole-v1 is not an environment of n64gym" in refusal([movie], env_id="CartPole-v1", env_args="{}")


def test_the_users_rewards_and_wrappers_see_the_movie(movie):
    own, half = (
        demonstrated(Hyperparameters(**SMALL, reward="teaching:speed", wrapper=wrapper), [movie], "", NEVER)
        for wrapper in (None, "teaching:Half")
    )
    assert own.rewards.max() > 30  # km/h
    np.testing.assert_allclose(half.rewards, own.rewards / 2, rtol=1e-6)


@pytest.mark.timeout(600)
def test_train_goes_on_from_the_taught_policy(stack, movie):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    command = ["a3c64", "imitate", str(movie), "--updates", "20", *flags]
    clean = {"lstm_size": "", "envs_per_worker": "", "env_id": "", "t_max": "", "discount": ""}
    done = stack.run(*command, timeout_s=240, **clean)
    assert done.returncode == 0, done.stderr
    assert "1 movies, 1 episodes" in done.stdout
    assert "0.0 % of the actions are not among the agent's" in done.stdout
    taught = checkpoint.newest(stack.run_dir / "checkpoints")
    assert (taught.step, taught.version, list(taught.optimiser)) == (0, 20, ["mean_square"])
    again = stack.run(*command, timeout_s=240, **clean)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "has a run already" in again.stderr
    train = ["a3c64", "train", "--workers", "1", "--total-timesteps", "80", "--learning-rate", "1e-12"]
    trained = stack.run(*train, timeout_s=240, **clean, eval_interval=0)
    assert trained.returncode == 0, trained.stderr
    assert trained.stderr == ""
    newest = checkpoint.newest(stack.run_dir / "checkpoints")
    assert newest.step >= 80
    assert newest.hyperparameters["frame_size"] == 16
    np.testing.assert_allclose(newest.weights, taught.weights, atol=1e-7)
