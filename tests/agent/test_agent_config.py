"""Settings: where they come from, which source wins, and the errors for wrong values."""

import subprocess
import sys

import pytest

from a3c64.arguments import Parser
from a3c64.config import BadInputError, Settings, describe, load
from a3c64.hyperparameters import Hyperparameters
from a3c64.presets import chosen, presets


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("A3C64_")]:
        monkeypatch.delenv(name)


def flags(*arguments, command="train"):
    parser = Parser(command, "")
    parser.add_settings()
    return vars(parser.parse(arguments))


def test_flags_override_variables_and_variables_override_defaults(monkeypatch):
    assert load().t_max == Hyperparameters().t_max
    monkeypatch.setenv("A3C64_T_MAX", "7")
    assert load().t_max == 7
    assert load(flags("--t-max", "9")).t_max == 9
    assert load(flags("--t-max=9")).t_max == 9
    assert load(flags("--deterministic", "--t-max", "9")).deterministic
    assert not load(flags("--deterministic", "false")).deterministic
    assert load().stop_at_reward is None
    assert load(flags("--stop-at-reward", "-3.5")).stop_at_reward == -3.5


def test_an_empty_variable_is_ignored(monkeypatch):
    monkeypatch.setenv("A3C64_T_MAX", "")
    assert load().t_max == Hyperparameters().t_max


def test_variables_in_the_docker_files_exist():
    names = {setting.variable for setting in describe()}
    wanted = "SERVER BIND RUN_DIR ENV_ID ROM TENSORBOARD_PORT TENSORBOARD_HOST VNC_PORT VNC_HOST WORKERS"
    assert {f"A3C64_{name}" for name in wanted.split()} <= names
    assert all(setting.description for setting in describe())


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("A3C64_LERNING_RATE", "1", "unknown variable A3C64_LERNING_RATE, did you mean A3C64_LEARNING_RATE?"),
        ("A3C64_ZZZ", "1", "unknown variable A3C64_ZZZ; see"),
        ("A3C64_WORKERS", "two", "A3C64_WORKERS: found 'two', expected a whole number"),
        ("A3C64_VNC_PORT", "70000", "A3C64_VNC_PORT: found '70000', expected 65535 or less"),
        ("A3C64_SERVER", "localhost", "A3C64_SERVER: found 'localhost', expected an address such as tcp://"),
        (
            "A3C64_SERVER",
            "tcp://a:99999",
            "expected an address such as tcp://127.0.0.1:5555 or tcp://[::1]:5555, with a port up to 65535",
        ),
        ("A3C64_ENV_ARGS", "[1]", "A3C64_ENV_ARGS: found '[1]', expected a JSON object such as"),
        ("A3C64_ENV_ARGS", "{course", "A3C64_ENV_ARGS: found '{course', expected a JSON object such as"),
        ("A3C64_TRUNK", "deep", "A3C64_TRUNK: found 'deep', expected 'patches', 'fine', 'universe' or 'a3c'"),
    ],
)
def test_an_error_names_the_variable_the_value_and_what_to_do(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInputError) as error:
        load()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


SERVICE = {  # what Kubernetes sets for a service NAME with a port 5555 named train
    "NAME_SERVICE_HOST": "10.96.0.17",
    "NAME_SERVICE_PORT": "5555",
    "NAME_SERVICE_PORT_TRAIN": "5555",
    "NAME_PORT": "tcp://10.96.0.17:5555",
    "NAME_PORT_5555_TCP": "tcp://10.96.0.17:5555",
    "NAME_PORT_5555_TCP_PROTO": "tcp",
    "NAME_PORT_5555_TCP_PORT": "5555",
    "NAME_PORT_5555_TCP_ADDR": "10.96.0.17",
}


@pytest.mark.parametrize("service", ["A3C64", "A3C64_SERVER", "A3C64_PARAMETER_SERVER"])
def test_variables_of_a_kubernetes_service_are_accepted(monkeypatch, service):
    before = load()
    for name, value in SERVICE.items():
        monkeypatch.setenv(name.replace("NAME", service), value)
    assert load() == before
    monkeypatch.setenv("A3C64_SERVICE_HOST", "fd00::11")
    load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("A3C64_PORT", "5555"),
        ("A3C64_TENSORBOARDS_PORT", "12345"),
        ("A3C64_PORT_5555_TCP_ADDRESS", "10.96.0.17"),
        ("A3C64_SERVICE", "10.96.0.17"),
    ],
)
def test_variables_similar_to_those_of_a_service_are_refused(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInputError, match=f"unknown variable {variable}"):
        load()


def test_an_error_about_a_flag_names_it():
    with pytest.raises(BadInputError, match="unknown argument --lerning-rate, did you mean --learning-rate"):
        flags("--lerning-rate", "1")
    with pytest.raises(BadInputError, match="--workers: found 'two'"):
        load(flags("--workers", "two"))


def test_child_processes_read_the_same_settings(monkeypatch):
    settings = load(flags("--t-max", "3", "--rom", "a b.z64", "--learning-rate", "1e-5"))
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load() == settings


def test_settings_give_exactly_the_hyperparameters():
    settings = Settings(t_max=3)
    assert settings.hyperparameters() == Hyperparameters(t_max=3)


@pytest.mark.parametrize("command", ["train", "server", "worker", "status", "eval"])
def test_a_typo_is_a_one_line_error_with_exit_code_2(command, stack):
    result = stack.run("a3c64", command, "--run-dri", "x")
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "did you mean --run-dir?" in result.stderr


def test_an_unknown_command_is_named(stack):
    result = stack.run("a3c64", "trian")
    assert (result.returncode, result.stderr) == (2, "a3c64: unknown command 'trian', did you mean train?\n")
    assert stack.run("a3c64").returncode == 2


def test_the_module_lists_every_setting():
    listed = subprocess.run(
        [sys.executable, "-m", "a3c64.config"], capture_output=True, text=True, timeout=60, check=True
    )
    for setting in describe():
        assert f"# {setting.variable}={setting.default}\n" in listed.stdout


def test_a_preset_overrides_defaults_but_not_given_settings(monkeypatch):
    plain, classic = load(), load({"env_id": "CartPole-v1"})
    assert plain.lstm_size == Hyperparameters().lstm_size
    assert classic.lstm_size == 0
    monkeypatch.setenv("A3C64_LSTM_SIZE", "7")
    assert load({"env_id": "CartPole-v1"}).lstm_size == 7
    assert load({"env_id": "CartPole-v1", "lstm_size": "9"}).lstm_size == 9
    assert load({"preset": "none", "env_id": "CartPole-v1"}).t_max == plain.t_max
    assert load({"preset": "a3c-paper"}).gae_lambda == 1.0


def test_every_preset_is_valid():
    for name, preset in presets().items():
        Hyperparameters(**preset.settings)
        loaded = load({"preset": name})
        assert {setting: getattr(loaded, setting) for setting in preset.settings} == preset.settings
        assert loaded.model_fields_set == {"preset"}, "only the preset was given by the user"


@pytest.mark.parametrize(
    ("env_id", "preset"),
    [
        ("CartPole-v1", "classic"),
        ("HalfCheetah-v5", "continuous"),
        ("Hopper-v5", "hopper"),
        ("InvertedDoublePendulum-v5", "double-pendulum"),
        ("InvertedPendulum-v5", "inverted-pendulum"),
        ("Pendulum-v1", "pendulum"),
        ("MiniGrid-DoorKey-5x5-v0", "grids"),
        ("MinAtar/Breakout-v1", "grids"),
        ("LunarLander-v3", "lander"),
        ("Taxi-v4", "taxi"),
        ("BipedalWalker-v3", "walker"),
        ("MountainCarContinuous-v0", "mountaincar-continuous"),
        ("MountainCar-v0", "mountaincar"),
        ("CarRacing-v3", "car-racing"),
        ("ALE/Breakout-v5", "atari"),
        ("ALE/Pong-v5", "pong"),
        ("PongNoFrameskip-v4", "pong"),
        ("PongDeterministic-v4", "pong"),
    ],
)
def test_the_environments_id_chooses_the_preset(env_id, preset):
    assert chosen("auto", env_id) is presets()[preset].settings


def test_a_preset_without_environments_is_only_chosen_by_name(monkeypatch, tmp_path):
    (tmp_path / "mine.toml").write_text("[settings]\nt_max = 7\n")
    monkeypatch.setattr("a3c64.presets.files", lambda package: tmp_path)
    found = presets.__wrapped__()
    assert (found["mine"].environments, found["mine"].settings) == ((), {"t_max": 7})


def test_a_preset_may_be_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[settings]\nt_max = 8\nlearning_rate = 1e-3\n")
    settings = load({"preset": str(path), "env_id": "CartPole-v1", "learning_rate": "2e-3"})
    assert (settings.t_max, settings.learning_rate, settings.envs_per_worker) == (8, 2e-3, 4)
    for text, said in (
        ("[settings]\nt_maxx = 8", "t_maxx is not a hyperparameter, did you mean t_max?"),
        ("[settings]\nt_max = 0", "found 0, expected 1 or more"),
        ("[settings]\nt_max = '8'", "t_max: found '8', expected 8"),
        ("[settings]\nwrapper = 'evil:Wrapper'", "wrapper cannot be in it, because the file may be a stranger's"),
        ("t_max = 8", "it has no section [settings]"),
        ("t_max = ", "it is not TOML"),
    ):
        path.write_text(text)
        with pytest.raises(BadInputError, match=r"^--preset: found .*mine.toml', expected a preset such as") as refused:
            load({"preset": str(path)})
        assert said in str(refused.value)
    with pytest.raises(BadInputError, match=r"no-such.toml', expected a preset such as .*: No such file or directory"):
        load({"preset": "no-such.toml"})


@pytest.mark.parametrize("value", ["34", "34,16", "34,16,0,0,0", "-1,0,0,0", "a,b,c,d", "1.5,0,0,0"])
def test_a_crop_must_be_four_numbers_of_pixels(value):
    with pytest.raises(BadInputError, match=r"--frame-crop: found .*, expected pixels at the top, the bottom"):
        load({"frame_crop": value})


def test_a_crop_can_be_turned_off():
    assert load({"env_id": "ALE/Pong-v5"}).hyperparameters().crop == (34, 16, 0, 0)
    for value in ("none", "0,0,0,0"):
        given = load({"env_id": "ALE/Pong-v5", "frame_crop": value}).hyperparameters()
        assert (given.frame_crop, given.crop) == (None, (0, 0, 0, 0))


def test_an_unknown_preset_is_refused_with_the_nearest_name():
    with pytest.raises(BadInputError, match=r"--preset: found 'atarri', expected one of .*did you mean atari"):
        load({"preset": "atarri"})
