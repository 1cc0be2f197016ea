"""Start states are built once and cached on disk. A damaged, wrong or uncacheable one is rebuilt."""

import importlib
import os
import subprocess
import sys
import warnings

import gymnasium
import pytest
from namespace import run_with_mounts

import n64gym
from n64gym import starts
from n64gym.games import openkart
from n64gym.games.openkart import OpenKartEnv

SETUP = {"laps": 1}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache folder, an empty in-memory cache, and a list that grows by one each time the menus are driven."""
    starts._in_memory.clear()
    made = []
    monkeypatch.setattr(openkart, "go_to_race", lambda *to: (made.append(1), go_to_race(*to)))
    yield tmp_path / "cache", made
    starts._in_memory.clear()


go_to_race = openkart.go_to_race


def first_reset(folder):
    """Return the first observation and info, with an empty in-memory cache as in a new process."""
    starts._in_memory.clear()
    with gymnasium.make("n64gym/OpenKart-v0", cache=folder, **SETUP) as env:
        observation, info = env.reset(seed=1)
        return observation.tobytes(), info


def test_a_start_is_built_once(folder):
    folder, made = folder
    first, again = first_reset(folder), first_reset(folder)
    assert len(made) == 1
    assert first == again
    assert len(list(folder.iterdir())) == 1


def test_environments_of_one_process_share_a_start(folder):
    _, made = folder
    with (
        gymnasium.make("n64gym/OpenKart-v0", cache=False, **SETUP) as one,
        gymnasium.make("n64gym/OpenKart-v0", cache=False, **SETUP) as two,
    ):
        assert (one.reset()[0] == two.reset()[0]).all()
    assert len(made) == 1


def truncate(data):
    return data[: len(data) // 2]


def flip(data):
    return data[:-1000] + bytes([data[-1000] ^ 1]) + data[-999:]


@pytest.mark.parametrize(
    "damage",
    [truncate, flip, lambda data: b"", lambda data: b"{}\n" + data, lambda data: b"\n", lambda data: b"\xff" * 5000],
    ids=["cut off", "a bit flipped", "empty", "no facts", "no head", "garbage"],
)
def test_a_damaged_file_is_rebuilt(folder, damage):
    folder, made = folder
    first = first_reset(folder)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert first_reset(folder) == first
    assert len(made) == 2
    assert file.read_bytes() == whole


def test_a_valid_file_with_another_start_is_rebuilt(folder):
    folder, made = folder
    first = first_reset(folder)
    (file,) = folder.iterdir()
    starts._in_memory.clear()
    with gymnasium.make("n64gym/OpenKart-v0", cache=folder, laps=2) as env:
        env.reset()
    (other,) = set(folder.iterdir()) - {file}
    file.write_bytes(other.read_bytes())
    assert first_reset(folder) == first
    assert len(made) == 3


def test_a_state_that_the_core_refuses_is_rebuilt(folder, monkeypatch):
    folder, made = folder
    first = first_reset(folder)
    (file,) = folder.iterdir()
    data = file.read_bytes().partition(b"\n")[2]
    state = n64gym.State.from_data(data)
    monkeypatch.setattr(starts.State, "from_data", lambda _: broken(state))
    observation, info = first_reset(folder)
    assert observation == first[0]
    assert (len(made), info["emulator_restarts"]) == (2, 1)


def broken(state):
    os.pwrite(int(state.path.rpartition("/")[2]), b"M64", 0)
    return state


RUN = """
import gymnasium, hashlib, n64gym, sys
with gymnasium.make("n64gym/OpenKart-v0", cache=sys.argv[1], laps=1) as env:
    observation, info = env.reset(seed=1)
    print(hashlib.sha256(observation).hexdigest(), info["start_state"])
"""


def test_processes_can_build_a_start_at_the_same_time(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, "-c", RUN, tmp_path], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(answers) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unwritable_folder_causes_one_warning(folder, tmp_path):
    # Root may write into any folder; a file in place of the folder stops root too.
    tmp_path.joinpath("file").write_text("in the way")
    with gymnasium.make("n64gym/OpenKart-v0", cache=tmp_path / "file", **SETUP) as env:
        with pytest.warns(
            UserWarning, match=r"start states cannot be kept in .*: File exists; each process makes new ones"
        ):
            env.reset()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            env.reset()
            env.reset(options={"laps": 2})  # the warning must not appear a second time


@pytest.mark.parametrize("state", ["read-only", "full"])
def test_a_read_only_or_full_cache_folder_causes_a_warning(tmp_path, state):
    """Uses a real file system in a private mount namespace."""
    prepare = {
        "read-only": f"mount -t tmpfs tmpfs {tmp_path} && mount -o remount,ro {tmp_path}",
        "full": f"mount -t tmpfs -o size=64k tmpfs {tmp_path}",
    }[state]
    done = run_with_mounts(prepare, sys.executable, "-c", RUN, tmp_path)
    why = {"read-only": "Read-only file system", "full": "No space left on device"}[state]
    assert done.returncode == 0, done.stderr
    assert f"start states cannot be kept in {tmp_path}: {why}" in done.stderr
    assert len(done.stdout.split()) == 2


def test_the_oldest_files_are_removed(folder, monkeypatch):
    folder, _ = folder
    monkeypatch.setattr(starts, "FILES", 2)
    for laps in (1, 2, 3):
        starts._in_memory.clear()
        with gymnasium.make("n64gym/OpenKart-v0", cache=folder, laps=laps) as env:
            env.reset()
    assert len(list(folder.iterdir())) == 2


def test_settings_without_effect_share_a_start(folder):
    folder, made = folder
    with gymnasium.make("n64gym/OpenKart-v0", cache=folder, course_seed=range(100)) as env:
        for seed in range(3):
            env.reset(seed=seed)
    assert len(made) == 1


def test_the_default_folder_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert starts.default_folder() == tmp_path / "n64gym"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/somewhere")
    assert str(starts.default_folder()) == "/somewhere/.cache/n64gym"


TWO_WITHOUT_HOME = """
import os, gymnasium, n64gym
for _ in range(2):
    with gymnasium.make("n64gym/OpenKart-v0", laps=1) as env:
        env.reset()
print(os.getuid())
"""


def test_without_a_home_there_is_no_cache_and_one_warning():
    """A container may run under any user id: then HOME is not set and the id has no name."""
    become = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    if subprocess.run([*become, "true"], capture_output=True, check=False).returncode:
        message = "this machine allows no user namespaces"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    homeless = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [*become, sys.executable, "-c", TWO_WITHOUT_HOME], env=homeless, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.returncode) == ("54321\n", 0), done.stderr
    assert done.stderr.count("start states are not kept: HOME is not set, and user id 54321 has no home") == 1
    assert "Traceback" not in done.stderr


def test_changed_game_code_needs_another_start(tmp_path, monkeypatch):
    """If a game's code changes, the old start state is not used."""
    module = tmp_path / "some_game.py"
    monkeypatch.syspath_prepend(tmp_path)
    hashes = set()
    for text in ("class Game: way = 1\n", "class Game: way = 2\n"):
        module.write_text(text)
        monkeypatch.delitem(sys.modules, "some_game", raising=False)
        game = importlib.import_module("some_game").Game
        hashes.add(starts.code_hash(game))
    hashes.add(starts.code_hash(OpenKartEnv))
    assert len(hashes) == 3
    assert starts.code_hash(type("Typed", (), {"__module__": "no_module_at_all"})) not in hashes
