"""The real images as a user of docker-compose sees them: `make e2e`. All tests of this file share one running stack."""

import json
import os
import random
import re
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from stack import BUILD_S, START_S, Stack, run, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.timeout(BUILD_S + 300)]

FOLLOWS_S = 10  # longest delay until workers/alive is correct
# Longest time without progress on the chart, which has a point a second. It is below the server's heartbeat timeout.
LONGEST_PAUSE_S = 5.0
FREEZE_S = 1.0
KILLS, KILL_EVERY_S = 8, 5.0


def longest_pause(stack: Stack, since: float) -> float:
    """Return the longest time after `since` without progress of the charted step counter, seconds."""
    times, highest = [since], -1.0
    for point in stack.scalars("time/total_timesteps"):
        if point.value > highest:
            highest = point.value
            if point.wall_time >= since:
                times.append(point.wall_time)
    return max(later - earlier for earlier, later in pairwise(times))


def newest_checkpoint(stack: Stack) -> int:
    """Return the step of the newest checkpoint in the run's volume, also without a server; 0 if there is none."""
    volume = f"{stack.project}_run:/data:ro"
    listed = run("docker", "run", "--rm", "-v", volume, "a3c64-paramserver", "ls", "/data/checkpoints")
    return max((int(step) for step in re.findall(r"step_(\d+)", listed)), default=0)


def test_tensorboard_shows_timesteps_rising(stack: Stack) -> None:
    stack.wait_for_progress(stack.step(), seconds=30)
    values = [point.value for point in stack.scalars("time/total_timesteps")]
    assert values == sorted(values)


def test_every_worker_has_a_vnc_server_on_a_loopback_port(stack: Stack) -> None:
    assert len(stack.containers("worker")) == 2
    for worker in stack.containers("worker"):
        greeting = wait_for("a VNC server", lambda worker=worker: stack.greeting(worker), START_S)
        assert greeting == b"RFB 003.008\n"
        assert run("docker", "port", worker).startswith("5900/tcp -> 127.0.0.1:")


def test_the_web_page_gives_access_to_every_workers_screen(stack: Stack) -> None:
    assert b"<title>a3c64</title>" in stack.page("/")
    assert b"RFB" in stack.page("/novnc/core/rfb.js")

    def screens() -> list[str]:
        return [worker["screen"] for worker in json.loads(stack.page("/run.json"))["workers"] if worker["screen"]]

    tokens = wait_for("two screens", lambda: two if len(two := screens()) == 2 else [], START_S)
    for token in tokens:
        greeting = wait_for("a screen in the page", lambda token=token: stack.greeting_on_page(token), START_S)
        assert greeting == b"RFB 003.003\n"  # of the page's server, which has done the handshake with x11vnc
    assert not stack.greeting_on_page("guess")
    assert "6080/tcp -> 127.0.0.1:6080" in run("docker", "port", stack.server())


def test_make_vnc_prints_the_address_of_a_workers_screen(stack: Stack) -> None:
    printed = {stack.make("-s", "vnc", f"N={n}").splitlines()[-1] for n in (1, 2)}
    assert printed == {f"127.0.0.1:{stack.vnc(worker)}" for worker in stack.containers("worker")}


def test_the_screen_shows_a_game_that_moves(stack: Stack, tmp_path: Path) -> None:
    for worker in stack.containers("worker"):
        wait_for("a VNC server", lambda worker=worker: stack.greeting(worker), START_S)
        first, second = stack.screenshots(worker, [tmp_path / "1.png", tmp_path / "2.png"], pause=FREEZE_S)
        assert first.std() > 20, "the screen must not be plain or black"
        assert (first.max(axis=2) < 16).mean() < 0.5, "the screen must not be mostly black"
        assert len(np.unique(first.reshape(-1, 3), axis=0)) >= 8, "a game has more colours"
        assert (first != second).any(axis=2).mean() > 0.01, "the picture must change"


# Runs inside a worker. It prints 1 if a key of the display is down within four seconds, else 0. With the argument
# `press` it presses a key itself.
KEYS_DOWN = """
import ctypes, os, subprocess, sys, time
path = "/proc/" + subprocess.check_output(["pidof", "x11vnc"], text=True).strip()
about = dict(line.split("=", 1) for line in open(f"{path}/environ").read().split("\\0") if "=" in line)
os.environ["XAUTHORITY"] = about["XAUTHORITY"].replace("/proc/self", path)
x11, xtst = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
display = ctypes.c_void_p(x11.XOpenDisplay(about["DISPLAY"].encode()))
if "press" in sys.argv:
    xtst.XTestFakeKeyEvent(display, 38, 1, 0)
keys, seen, end = ctypes.create_string_buffer(32), 0, time.monotonic() + 4
while time.monotonic() < end and not seen:
    x11.XQueryKeymap(display, keys)
    seen = int(any(keys.raw))
    time.sleep(0.02)
if "press" in sys.argv:
    xtst.XTestFakeKeyEvent(display, 38, 0, 0)
x11.XSync(display, 0)
print(seen)
"""


def test_a_spectators_key_does_not_reach_the_display(stack: Stack) -> None:
    worker = stack.containers("worker")[0]
    look = ["docker", "exec", worker, "python3", "-c", KEYS_DOWN]
    assert run(*look, "press") == "1"  # check that the probe detects a key
    with ThreadPoolExecutor() as pool:
        seen = pool.submit(run, *look)
        stack.vncdo(worker, "keydown", "a", "pause", "5", "keyup", "a")
        assert seen.result() == "0"


def test_workers_join_and_leave_while_the_others_train(stack: Stack) -> None:
    stack.wait_for_training(2, START_S)
    began = time.time()
    for count in (3, 1):
        stack.make("scale", f"N={count}")
        done = time.time()
        assert stack.wait_for_workers(count, since=done, seconds=START_S) < FOLLOWS_S
        stack.wait_for_training(count, START_S)
    assert longest_pause(stack, began) < LONGEST_PAUSE_S
    stack.make("scale", "N=2")


def test_a_killed_worker_is_dropped_and_the_rest_continue(stack: Stack) -> None:
    stack.wait_for_training(2, START_S)
    began = time.time()
    run("docker", "kill", "-s", "KILL", stack.containers("worker")[0])
    assert stack.wait_for_workers(1, since=began, seconds=30) < FOLLOWS_S
    stack.wait_for_progress(stack.step(), seconds=30)
    assert longest_pause(stack, began) < LONGEST_PAUSE_S
    stack.make("scale", "N=2")


def test_a_killed_server_resumes_from_its_last_checkpoint(stack: Stack) -> None:
    stack.wait_for_training(2, START_S)
    server, workers = stack.server(), stack.containers("worker")
    wait_for("a checkpoint", lambda: newest_checkpoint(stack), 30)
    run("docker", "kill", "-s", "KILL", server)
    saved = newest_checkpoint(stack)
    began = time.time()
    run("docker", "start", server)
    stack.wait_for_training(2, START_S)
    assert [int(step) for step in re.findall(r"resuming at step (\d+)", stack.logs())] == [saved]
    stack.wait_for_progress(stack.step(), seconds=30)
    charted = [point.value for point in stack.scalars("time/total_timesteps") if point.wall_time >= began]
    assert charted == sorted(charted)
    assert charted[0] >= saved
    assert stack.containers("worker") == workers
    ended = {run("docker", "inspect", "-f", "{{.RestartCount}}", worker) for worker in workers}
    assert ended == {"0"}  # the same processes have reconnected


def test_a_run_continues_while_its_processes_are_killed(stack: Stack) -> None:
    """Every few seconds a process is killed, in a container drawn from a seed. Docker restarts the container."""
    stack.wait_for_training(2, START_S)
    before, generator = stack.step(), random.Random(7)
    for _ in range(KILLS):
        victim = generator.choice(stack.everything())
        processes = run("docker", "top", victim, "-eo", "pid,args").splitlines()[1:]
        ours = [int(line.split()[0]) for line in processes if "/a3c64 " in line]
        if ours:
            os.kill(max(ours), signal.SIGKILL)
        time.sleep(KILL_EVERY_S)
    stack.wait_for_training(2, START_S)
    stack.wait_for_progress(before, seconds=60)
    assert "SIGABRT" not in stack.logs()


def test_every_container_becomes_healthy(stack: Stack) -> None:
    for container in stack.everything():
        look = ["docker", "inspect", "-f", "{{.State.Health.Status}}", container]
        wait_for(f"{container} to be healthy", lambda look=look: run(*look) == "healthy", 90)


def test_a_run_continues_after_down_and_up(stack: Stack) -> None:
    stopped = stack.everything()
    run("docker", "stop", *stopped)
    exits = {run("docker", "inspect", "-f", "{{.State.ExitCode}}", container) for container in stopped}
    assert exits == {"0"}  # a clean stop, without a SIGKILL after the grace period
    stack.make("down")
    began = time.time()
    stack.make("up", "N=2", timeout=BUILD_S)
    stack.wait_for_training(2, START_S)
    stack.wait_for_progress(stack.step(), seconds=30)
    points = stack.scalars("time/total_timesteps")
    before, after = [p for p in points if p.wall_time < began], [p for p in points if p.wall_time >= began]
    assert after[0].value >= before[-1].value > 0


TEN_STEPS = """
import os, gymnasium, n64gym
env = gymnasium.make("n64gym/Rom-v0", rom=os.environ["A3C64_ROM"])
env.reset(seed=0)
print([env.step(env.action_space.sample())[0].shape for _ in range(10)][-1])
"""


def test_a_users_rom_is_mounted_read_only(stack: Stack, tmp_path: Path) -> None:
    rom = tmp_path / "game.z64"
    image = ["docker", "run", "--rm", "a3c64-worker", "sh", "-c"]
    rom.write_bytes(bytes.fromhex(run(*image, "od -An -v -tx1 /opt/a3c64/n64gym/data/openkart.z64")))
    rom.chmod(0o666)  # so that only the mount can forbid writing
    compose = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    worker = [*compose, "run", "-T", "--rm", "--no-deps", "worker"]
    settings = stack.environment | {"LOCAL_ROM_PATH": str(rom), "A3C64_ROM": "/rom"}
    assert run(*worker, "python3", "-c", TEN_STEPS, env=settings).endswith(", 3)")
    assert "Read-only file system" in run(*worker, "sh", "-c", "touch /rom 2>&1 || true", env=settings)
