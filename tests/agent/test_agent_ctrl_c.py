"""Ctrl-C at any moment of any command: at most one line about it, no traceback, and no process left running.

CTRL_C_MOMENTS=10 tries ten moments of each command instead of four.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from live import HERE, free_port, still_running, until

A3C64 = Path(sys.executable).with_name("a3c64")
MOMENTS = [0.0, 0.15, 0.6, 1.8, 0.05, 0.1, 0.3, 1.0, 1.4, 2.5]  # seconds after our code handles signals
SIGTERM_BIT = 1 << (signal.SIGTERM - 1)
COMMANDS = {  # name -> its arguments, and whether Ctrl-C is its normal end, with exit code 0
    "train": ("--env-id tiny_env:TinyImage-v0 --workers 1 --web-port 0 --tensorboard-port 0 --run-dir {new}", True),
    "server": ("--env-id tiny_env:TinyImage-v0 --web-port 0 --tensorboard-port 0 --run-dir {new}", True),
    "worker": ("--server tcp://127.0.0.1:9", True),
    "evaluator": ("--server tcp://127.0.0.1:9", True),
    "status": ("--server tcp://127.0.0.1:9", False),
    "watch": ("--server tcp://127.0.0.1:9", True),
    "eval": ("--random --env-id CartPole-v1 --episodes 100000", False),
    "enjoy": ("--episodes 100000", True),
    "export": ("--policy {policy} {new}.safetensors", False),
    "replay": ("{movies}", True),
    "film": ("{movies} --mp4 {new}.mp4", True),
    "sweep": ("{space} --folder {new}", True),
}
SPACE = """
[run]
env_id = "tiny_env:TinyImage-v0"
total_timesteps = 1_000_000
[space]
t_max = [8, 16]
"""
POLICY = HERE.parents[1] / "agent" / "policy" / "bundled" / "openkart.safetensors"


@pytest.fixture(scope="module")
def movies(tmp_path_factory) -> Iterator[Path]:
    """A folder with one long recorded race."""
    import gymnasium

    import n64gym

    folder = tmp_path_factory.mktemp("movies")
    env = n64gym.RecordMovie(gymnasium.make("n64gym/OpenKart-v0"), folder)
    env.reset(seed=1)
    over = False
    while not over:
        _, _, terminated, truncated, _ = env.step(0)
        over = terminated or truncated
    env.reset()
    env.close()
    assert list(folder.rglob("*.m64"))
    return folder


def handles_signals(process: subprocess.Popen) -> bool:
    """Whether our code has installed its handler of SIGTERM. Before that, it cannot react to a signal."""
    if process.poll() is not None:
        return True
    status = Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) & SIGTERM_BIT)


def interrupt(name: str, line: str, moment: float, number: int) -> tuple[int, str, str, list[str]]:
    """Start a command and interrupt it; return its exit code, output, errors, and its children that still run."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("A3C64_", "DISPLAY"))}
    process = subprocess.Popen(
        [A3C64, name, *shlex.split(line)], env={**clean, "PYTHONPATH": str(HERE)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: handles_signals(process), 60, "signals are handled")
        time.sleep(moment)
        started = []
        if process.poll() is None:
            try:
                started = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(number)
            except psutil.NoSuchProcess:
                pass
        out, err = process.communicate(timeout=60)
        time.sleep(0.2)
        return process.returncode, out, err, still_running(started)
    finally:
        process.kill()


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_at_any_moment_prints_at_most_one_line(name, tmp_path, movies):
    line, ends_well = COMMANDS[name]
    moments = MOMENTS[: int(os.environ.get("CTRL_C_MOMENTS", "4"))]
    space = tmp_path / "space.toml"
    space.write_text(SPACE)

    def interrupt_at(k: int) -> tuple[int, str, str, list[str]]:
        given = line.format(new=tmp_path / str(k), movies=movies, policy=POLICY, space=space)
        if name in ("train", "server"):
            given += f" --bind tcp://127.0.0.1:{free_port()}"
        return interrupt(name, given, moments[k], signal.SIGTERM if k == 1 else signal.SIGINT)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(interrupt_at, range(len(moments))))
    for k, (code, out, err, left) in enumerate(outcomes):
        details = f"after {moments[k]} s: {code}\n{out[-800:]}\n{err[-2000:]}"
        assert "Traceback" not in out + err, details
        assert "Exception ignored" not in err, details
        assert not left, details
        number = signal.SIGTERM if k == 1 else signal.SIGINT
        finished = {0, 1} if name in ("status", "export") else {0} if ends_well else set()
        if name in ("status", "export", "replay", "film"):  # they may be done: while Python ends, signals have their
            finished.add(-number)  # default action, which is silent
        assert code in {128 + number, *finished}, details
        if code == 130:
            assert err.count("stopped") == 1, details
            assert re.match(f"a3c64( {name})?: stopped", err.strip().splitlines()[-1]), details
    assert not list(tmp_path.glob("**/.writing-*")), "no unfinished file is left"
    assert outcomes[0][0] == 130 or ends_well or name == "export", "at the first moment, nothing can have finished yet"


def test_a_second_ctrl_c_ends_an_evaluation_whose_environment_hangs(tmp_path):
    (tmp_path / "slow_env.py").write_text(
        "import time, gymnasium\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "class Slow(CartPoleEnv):\n"
        "    def step(self, action):\n"
        "        open('steps', 'w')\n"
        "        time.sleep(600)\n"
        "gymnasium.register('Slow-v0', entry_point=Slow)\n"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith("A3C64_")}
    line = "eval --random --episodes 1 --env-id slow_env:Slow-v0"
    process = subprocess.Popen([A3C64, *line.split()], cwd=tmp_path, env=clean, stderr=subprocess.PIPE, text=True)
    try:
        until((tmp_path / "steps").exists, 60, "a step that hangs")
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
