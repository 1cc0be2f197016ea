"""Policy files: an exported policy can be played, and any other file is refused."""

import json
import re

import numpy as np
import pytest
from live import until
from PIL import ImageGrab
from policy_facts import facts_of
from safetensors.numpy import save_file

from a3c64.config import BadInputError
from a3c64.envs.batch import EnvironmentBatch
from a3c64.hyperparameters import REMOVED, Hyperparameters
from a3c64.learning.network import design
from a3c64.learning.parameters import ParameterSpec, named_views
from a3c64.policy import checkpoint, policy_file

SPECS = (ParameterSpec("a/kernel", (40, 3), 1.0), ParameterSpec("moments/count", (1,), 0.0))
STRAIGHT_ON = 1  # an action of Open Kart
HYPERPARAMETERS = Hyperparameters(env_id="CartPole-v1", learning_rate=0.5, seed=3, normalise_advantages=True)


def snapshot(step: int = 70) -> checkpoint.Snapshot:
    first = checkpoint.first(SPECS, 0, HYPERPARAMETERS.model_dump())
    first.weights[-1] = 1e6  # a running moment, which half precision cannot hold
    return first._replace(step=step, score={"mean_reward": 4.5, "episodes": 20})


def test_a_saved_policy_tells_no_folder_of_this_machine(tmp_path):
    game, films = tmp_path / "karts", tmp_path / "films"
    arguments = {"game": str(game), "laps": 1, "choices": {"rom": ["~/private/kart.z64"]}}
    settings = HYPERPARAMETERS.model_copy(update={"env_args": json.dumps(arguments), "demonstrations": str(films)})
    policy = policy_file.of(snapshot()._replace(hyperparameters=settings.model_dump()))
    assert str(tmp_path) in policy.command
    path = policy_file.save(tmp_path / "x.safetensors", policy)
    loaded = policy_file.load(path)
    assert json.loads(loaded.hyperparameters.env_args) == {"game": "karts", "laps": 1, "choices": {"rom": ["kart.z64"]}}
    assert loaded.hyperparameters.demonstrations == "films"
    assert not any(told in path.read_bytes() for told in (bytes(tmp_path), b"private"))
    given = policy._replace(command=f"a3c64 train --game {game}")
    assert policy_file.load(policy_file.save(path, given)).command == given.command, "the user gave this command"


def test_a_saved_policy_is_loaded_to_half_precision(tmp_path):
    path = policy_file.save(tmp_path / "new" / "fast.safetensors", policy_file.of(snapshot()))
    loaded = policy_file.load(path)
    expected = snapshot().weights
    np.testing.assert_allclose(loaded.weights, expected, rtol=1e-3, atol=1e-6)
    assert loaded.weights[-1] == 1e6
    assert (loaded.specs, loaded.step, loaded.hyperparameters) == (SPECS, 70, HYPERPARAMETERS)
    assert loaded.score == {"mean_reward": 4.5, "episodes": 20}
    assert path.stat().st_size < 2 * expected.size + 4096
    assert [p.name for p in path.parent.iterdir()] == ["fast.safetensors"]
    assert policy_file.save(tmp_path, loaded) == tmp_path / "policy.safetensors"


def test_the_command_says_what_differs_from_the_defaults():
    words = policy_file.of(snapshot()).command.split()
    assert words[:2] == ["a3c64", "train"]
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert given["--env-id"] == "CartPole-v1"
    assert given["--learning-rate"] == "0.5"
    assert given["--normalise-advantages"] == "true"
    assert "--t-max" not in given or given["--t-max"] == str(HYPERPARAMETERS.t_max), "the run's value or the preset's"


def test_weights_beyond_half_precision_are_refused(tmp_path):
    policy = policy_file.of(snapshot())
    policy.weights[0] = 1e6
    with pytest.raises(BadInputError, match="a/kernel has numbers too large for half precision"):
        policy_file.save(tmp_path / "x.safetensors", policy)
    assert list(tmp_path.iterdir()) == []


def change(name, value):
    def spoil(path):
        facts = facts_of(path)
        tensors = {"a/kernel": np.zeros((40, 3), np.float16), "moments/count": np.zeros(1, np.float32)}
        save_file(tensors, path, {"a3c64": json.dumps(facts | {name: value})})

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b"garbage"), "not a policy file of"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "not a policy file of"),
        (lambda path: save_file({"a": np.zeros(3)}, path), "not a policy file of"),
        (change("format", "2"), "format must be 1, found '2'"),
        (change("parameters", [["a/kernel", [41, 3], 1.0]]), "must be finite numbers of shape .41, 3., found shape"),
        (change("parameters", [["b", [3], 1.0]]), "not a policy file of"),
        (change("parameters", [["a/kernel", [2**40], 1.0]]), "at most [0-9]+ parameters"),
        (change("parameters", 7), "not a policy file of"),
        (change("hyperparameters", {"speed": 1}), "made by another release"),
    ],
)
def test_a_file_that_is_not_a_policy_is_refused_in_one_line(tmp_path, spoil, message):
    path = policy_file.save(tmp_path / "x.safetensors", policy_file.of(snapshot()))
    spoil(path)
    with pytest.raises(BadInputError, match=message) as error:
        policy_file.load(path)
    assert "\n" not in str(error.value)


def test_a_policy_with_settings_that_were_removed_since_can_be_played(tmp_path):
    path = policy_file.save(tmp_path / "x.safetensors", policy_file.of(snapshot()))
    change("hyperparameters", HYPERPARAMETERS.model_dump() | dict.fromkeys(REMOVED, 0.5))(path)
    assert policy_file.load(path).hyperparameters == HYPERPARAMETERS


def test_a_frame_skip_in_a_policy_of_an_earlier_release_keeps_its_meaning(tmp_path):
    path = policy_file.save(tmp_path / "x.safetensors", policy_file.of(snapshot()))
    former = {name: value for name, value in HYPERPARAMETERS.model_dump().items() if name != "sticky_actions"}
    change("hyperparameters", former | {"env_id": "CartPole-v1", "frameskip": 4})(path)
    assert policy_file.load(path).hyperparameters.frameskip == 0
    change("hyperparameters", former | {"env_id": "n64gym/OpenKart-v0", "frameskip": 3})(path)
    assert policy_file.load(path).hyperparameters.frameskip == 3


def test_a_run_has_a_newest_and_a_best_policy_and_one_of_each_step(tmp_path):
    with pytest.raises(BadInputError, match="no checkpoint in"):
        policy_file.of_run(tmp_path)
    for step in (10, 20, 500, 600):
        checkpoint.save(tmp_path / "checkpoints", snapshot(step))
    assert policy_file.of_run(tmp_path).step == 600
    assert policy_file.of_run(tmp_path, step=20).step == 20
    with pytest.raises(BadInputError, match="found 30, expected a step such as 10, 20, 500"):
        policy_file.of_run(tmp_path, step=30)
    with pytest.raises(BadInputError, match="has no evaluation yet"):
        policy_file.of_run(tmp_path, best=True)
    checkpoint.save(tmp_path / "best", snapshot(500), keep=1)
    assert policy_file.of_run(tmp_path, best=True).step == 500
    (tmp_path / "checkpoints" / "step_20" / "state.json").write_text("{")
    with pytest.raises(BadInputError, match="step 20 is damaged"):
        policy_file.of_run(tmp_path, step=20)


def test_every_bundled_policy_can_be_loaded():
    there = {
        file.name
        for file in policy_file.files("a3c64.policy.bundled").iterdir()
        if file.name.endswith(policy_file.SUFFIX)
    }
    assert there <= {f"{name}{policy_file.SUFFIX}" for name in policy_file.BUNDLED.values()}
    for env_id, name in policy_file.BUNDLED.items():
        if f"{name}{policy_file.SUFFIX}" in there:
            assert policy_file.bundled(env_id).hyperparameters.env_id == env_id
    with pytest.raises(BadInputError, match="no policy comes with this release for CartPole-v1"):
        policy_file.bundled("CartPole-v1")


def test_a_trained_policy_can_be_exported_played_and_evaluated(stack, monkeypatch):
    """The user's commands: train a policy, export it to a file, play and evaluate the file."""
    monkeypatch.delenv("DISPLAY", raising=False)
    learned = stack.run("a3c64", "train", "--workers", "1", "--stop-at-reward", "18", "--eval-interval", "0.5",
                        learning_rate=1e-3, timeout_s=120)  # fmt: skip
    assert learned.returncode == 0, learned.stderr
    file = stack.folder / "tiny.safetensors"
    exported = stack.run("a3c64", "export", "--load-best", str(file))
    assert exported.returncode == 0, exported.stderr
    assert "made by a3c64 train" in exported.stdout
    shown = stack.run("a3c64", "enjoy", "--policy", str(file), "--episodes", "2", run_dir="")
    assert shown.returncode == 0, shown.stderr
    returns = [float(found) for found in re.findall(r"progress [01]\.\d\d, return (\d+\.\d\d)", shown.stdout)]
    assert len(returns) == 2, shown.stdout
    assert sum(returns) / 2 > 15.0, shown.stdout  # a random policy gets 10
    evaluated = stack.run("a3c64", "eval", "--policy", str(file), "--greedy")
    assert json.loads(evaluated.stdout)["mean_return"] > 17.0
    missing = stack.run("a3c64", "eval", "--load-checkpoint", "7")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "expected a step such as" in missing.stderr


def test_enjoy_shows_open_kart_in_a_window(stack, display, tmp_path):
    """The policy always drives straight on; a screenshot of the X server shows whether there is a window."""
    hyperparameters = Hyperparameters(envs_per_worker=1, env_args='{"time_limit": 4.0}')
    environments = EnvironmentBatch.make(hyperparameters, worker=0)
    specs = design(environments.view.shape, environments.family, hyperparameters).specs
    environments.close()
    first = checkpoint.first(specs, 0, hyperparameters.model_dump())
    dict(named_views(first.weights, specs))["policy/bias"][STRAIGHT_ON] = 9.0
    file = policy_file.save(tmp_path / "k.safetensors", policy_file.of(first))

    enjoying = stack.start("a3c64", "enjoy", "--policy", str(file), "--episodes", "2")

    def drawn():
        screen = np.asarray(ImageGrab.grab(xdisplay=display))
        return len(np.unique(screen.reshape(-1, 3), axis=0)) > 20  # an empty screen has one colour

    until(drawn, 60, "a picture of the game")
    assert enjoying.wait(60) == 0, stack.log(enjoying)
    log = stack.log(enjoying)
    assert log.count("not finished, driven 0.") == 2, log
    assert "mean return" in log


def test_enjoy_without_flags_plays_the_bundled_policy_or_says_what_to_do(stack):
    shown = stack.run("a3c64", "enjoy", "--episodes", "1", run_dir="", env_id="", lstm_size="", t_max="")
    if any(policy_file.files("a3c64.policy.bundled").glob(f"*{policy_file.SUFFIX}")):
        assert shown.returncode == 0, shown.stderr
        assert "return" in shown.stdout
    else:
        assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
        assert "a3c64 enjoy --run-dir runs/default" in shown.stderr
