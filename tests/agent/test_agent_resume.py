"""Resuming a run: settings come from its folder, some may be changed, and a change of the others is refused."""

import json
import os
from pathlib import Path

import pytest

from a3c64.config import BadInputError, load
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec
from a3c64.policy import checkpoint
from a3c64.policy.resume import resume

SPECS = (ParameterSpec("w", (3, 2), 1.0),)
PENDULUM = {"env_id": "Pendulum-v1"}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("A3C64_")]:
        monkeypatch.delenv(name)


def begin(folder: Path, **flags: object) -> Hyperparameters:
    """Make a run of `flags` with a checkpoint and a config.json; return its hyperparameters."""
    hyperparameters = load({**flags, "run_dir": str(folder)}).hyperparameters()
    first = checkpoint.first(SPECS, 0, hyperparameters.model_dump())
    checkpoint.save(folder / "checkpoints", first._replace(step=100))
    (folder / "config.json").write_text(json.dumps(hyperparameters.model_dump()))
    return hyperparameters


def start_again(folder: Path, **flags: object):
    return resume(load({**flags, "run_dir": str(folder)}))


CASES = [
    # flags of the next start, hyperparameters that change, reported changes
    ({}, {}, []),
    (PENDULUM, {}, []),
    ({"t_max": "7"}, {}, []),
    ({"learning_rate": "0.01"}, {"learning_rate": 0.01}, ["learning_rate 0.0007 -> 0.01"]),
    ({"entropy_cost": "0.5"}, {"entropy_cost": 0.5}, ["entropy_cost 0.0 -> 0.5"]),
    ({"total_timesteps": "5000"}, {"total_timesteps": 5000}, ["total_timesteps 0 -> 5000"]),
    ({"stop_at_reward": "none"}, {"stop_at_reward": None}, ["stop_at_reward -200.0 -> none"]),
    ({"normalise_advantages": "false"}, {"normalise_advantages": False}, ["normalise_advantages true -> false"]),
    ({"seed": "3", "t_max": "2"}, {"seed": 3, "t_max": 2}, ["t_max 7 -> 2", "seed 0 -> 3"]),
    ({"env_args": '{"g":9.81}'}, {}, []),
    ({"env_args": '{"g": 1}'}, {"env_args": '{"g": 1}'}, ['env_args {"g": 9.81} -> {"g": 1}']),
    ({"preset": "classic"}, {}, []),
    ({"frame_size": "42"}, {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "differs", "said"), CASES)
def test_a_resumed_run_keeps_the_settings_that_are_not_given(tmp_path: Path, flags, differs, said):
    before = begin(tmp_path, **PENDULUM, t_max="7", stop_at_reward="-200", env_args='{"g": 9.81}')
    written = sorted(tmp_path.rglob("*"))
    resumed = start_again(tmp_path, **flags)
    assert resumed.settings.hyperparameters().model_dump() == before.model_dump() | differs
    assert [str(change) for change in resumed.changes] == said
    assert resumed.new_task == ("env_args" in differs)
    assert sorted(tmp_path.rglob("*")) == written


def test_a_run_from_before_the_crop_goes_on_with_whole_pictures(tmp_path: Path):
    """Pong's preset has a crop now, but the weights of an earlier run know whole pictures."""
    before = begin(tmp_path, env_id="ALE/Pong-v5", frame_crop="none").model_dump()
    (tmp_path / "config.json").write_text(json.dumps({k: v for k, v in before.items() if k != "frame_crop"}))
    assert start_again(tmp_path).settings.frame_crop is None


REFUSED = [
    ({"env_id": "Acrobot-v1"}, "env_id Pendulum-v1 -> Acrobot-v1", "--transfer"),
    ({"frame_size": "84"}, "frame_size 42 -> 84", "leave --frame-size out"),
    ({"frame_stack": "4"}, "frame_stack 1 -> 4", "--run-dir"),
    ({"frame_colours": "grey"}, "frame_colours rgb -> grey", "--run-dir"),
    ({"frame_crop": "1,0,0,0"}, "frame_crop none -> 1,0,0,0", "--run-dir"),
    ({"trunk": "a3c", "lstm_size": "32"}, "trunk patches -> a3c, lstm_size 0 -> 32", "--trunk and --lstm-size"),
    ({"normalise_observations": "false"}, "normalise_observations true -> false", "--run-dir"),
    ({"env_id": "Acrobot-v1", "transfer": "true", "lstm_size": "8"}, "lstm_size 0 -> 8", "--run-dir"),
]


@pytest.mark.parametrize(("flags", "values", "remedy"), REFUSED)
def test_a_setting_that_cannot_change_is_refused_with_both_values(tmp_path: Path, flags, values, remedy):
    begin(tmp_path, **PENDULUM)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(BadInputError) as error:
        start_again(tmp_path, **flags)
    for part in (values, remedy, str(tmp_path)):
        assert part in str(error.value)
    assert "\n" not in str(error.value)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == written


def test_variables_count_as_given_unless_they_are_empty(tmp_path: Path, monkeypatch):
    begin(tmp_path, **PENDULUM)
    for name in Hyperparameters.model_fields:  # docker-compose passes unset variables on as empty ones
        monkeypatch.setenv(f"A3C64_{name.upper()}", "")
    assert start_again(tmp_path).settings.env_id == "Pendulum-v1"
    monkeypatch.setenv("A3C64_T_MAX", "9")
    assert [str(change) for change in start_again(tmp_path).changes] == ["t_max 16 -> 9"]
    monkeypatch.setenv("A3C64_ENV_ID", "Acrobot-v1")
    with pytest.raises(BadInputError, match="Pendulum-v1 -> Acrobot-v1"):
        start_again(tmp_path)


def test_a_child_process_takes_the_same_settings_and_sees_the_same_changes(tmp_path: Path, monkeypatch):
    begin(tmp_path, **PENDULUM, stop_at_reward="-200")
    parent = start_again(tmp_path, learning_rate="0.01", stop_at_reward="none")
    for name, value in parent.settings.environment().items():
        monkeypatch.setenv(name, value)
    child = resume(load())
    assert child.settings == parent.settings
    assert child.changes == parent.changes


def test_a_run_without_the_clip_refuses_more_epochs(tmp_path: Path):
    begin(tmp_path, **PENDULUM, surrogate_clip="0")
    with pytest.raises(BadInputError, match=r"--epochs \(A3C64_EPOCHS\): found 2, expected 1 with --surrogate-clip"):
        start_again(tmp_path, epochs="2")
    assert [str(one) for one in start_again(tmp_path, epochs="2", surrogate_clip="0.1").changes] == [
        "epochs 1 -> 2",
        "surrogate_clip 0.0 -> 0.1",
    ]


def test_transfer_continues_in_another_environment(tmp_path: Path):
    before = begin(tmp_path, **PENDULUM)
    resumed = start_again(tmp_path, env_id="Acrobot-v1", transfer="true")
    assert resumed.new_task
    after = resumed.settings.hyperparameters().model_dump()
    assert after == before.model_dump() | {"env_id": "Acrobot-v1"}, "the new environment's preset is not used"


def test_a_preset_for_a_resumed_run_is_reported_as_ignored(tmp_path: Path):
    begin(tmp_path, **PENDULUM)
    said = start_again(tmp_path, preset="classic", t_max="32").ignored
    assert said.startswith("--preset classic is for new runs; this one keeps its settings (discount 0.95, not 0.99, ")
    assert "t_max" not in said, "a given setting is not ignored"
    assert start_again(tmp_path, preset="pendulum").ignored == ""


@pytest.mark.parametrize(("env_id", "means"), [("CartPole-v1", 0), ("n64gym/OpenKart-v0", 4), ("x:n64gym/Rom-v0", 4)])
def test_a_frame_skip_that_an_earlier_release_recorded_keeps_its_meaning(tmp_path: Path, env_id, means):
    begin(tmp_path, env_id=env_id)
    path = tmp_path / "config.json"
    known = {name: value for name, value in json.loads(path.read_text()).items() if name != "sticky_actions"}
    path.write_text(json.dumps(known | {"frameskip": 4}))
    resumed = start_again(tmp_path)
    assert (resumed.settings.frameskip, resumed.changes) == (means, ())
    changed = start_again(tmp_path, frameskip="2", sticky_actions="0.25")
    assert [str(change) for change in changed.changes] == [f"frameskip {means} -> 2", "sticky_actions 0.0 -> 0.25"]
    assert changed.new_task, "returns before and after cannot be compared"


def test_a_run_without_a_checkpoint_may_change_every_setting(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps(load(PENDULUM).hyperparameters().model_dump()))
    assert start_again(tmp_path).settings.env_id == "Pendulum-v1"
    other = start_again(tmp_path, env_id="CartPole-v1", lstm_size="8")
    assert (other.settings.env_id, other.settings.lstm_size, other.new_task) == ("CartPole-v1", 8, False)


def test_resume_without_a_run_is_refused(tmp_path: Path):
    with pytest.raises(BadInputError, match=r"there is no run to resume in .*leave --resume out"):
        start_again(tmp_path / "new", resume="true")
    begin(tmp_path, **PENDULUM)
    assert start_again(tmp_path, resume="true").settings.env_id == "Pendulum-v1"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("{"),
        lambda path: path.write_text("[1]"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.unlink() or os.mkfifo(path),
        lambda path: path.unlink() or path.mkdir(),
    ],
)
def test_without_a_config_settings_come_from_the_newest_checkpoint(tmp_path: Path, damage):
    before = begin(tmp_path, **PENDULUM, t_max="7")
    damage(tmp_path / "config.json")
    assert start_again(tmp_path).settings.hyperparameters() == before


def test_settings_of_another_release_are_ignored_filled_in_or_refused(tmp_path: Path, caplog):
    caplog.set_level("INFO")
    before = begin(tmp_path, **PENDULUM).model_dump()
    (tmp_path / "config.json").write_text(json.dumps({**before, "sampler": 1}))
    assert start_again(tmp_path).settings.hyperparameters().model_dump() == before
    assert "ignoring sampler, which this release does not know" in caplog.text
    del before["t_max"]
    (tmp_path / "config.json").write_text(json.dumps(before))
    assert start_again(tmp_path).settings.t_max == 16, "the preset's value, because the run has none"
    assert "is a run of an earlier release; settings that it did not have: t_max 16" in caplog.text
    (tmp_path / "config.json").write_text(json.dumps({**before, "trunk": "compact"}))
    with pytest.raises(BadInputError, match=r"trunk: Input should be .*, found 'compact'; correct the file"):
        start_again(tmp_path)
