"""A user's modules and a user's package in the containers: LOCAL_ENVS_PATH and EXTRA_PACKAGES, on a real engine."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import BUILD_S, ROOT, START_S, Stack, run, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.timeout(BUILD_S + START_S + 300)]

STEPS = 800
IMAGES = "a3c64-e2e-own"
MODULE = """
import gymnasium as gym
import minigrid  # a package that the image lacks


class Doubled(gym.RewardWrapper):
    def reward(self, reward):
        return 2 * float(reward)


def steady(before, now):
    return {"alive": 1.0}


gym.register("Maze-v0", lambda **arguments: gym.make("MiniGrid-Empty-5x5-v0", **arguments))
"""
PAGE = (ROOT / "docs" / "your-own.md").read_text()


@pytest.fixture
def stack_of_a_user(engine: None, tmp_path: Path) -> Iterator[Stack]:
    """A project with images of its own, that trains in a mounted module until its limit."""
    tmp_path.chmod(0o755)
    (tmp_path / "maze.py").write_text(MODULE)
    for name in ("my_network.py", "my_callback.py"):
        listing = re.search(rf'```python title="{name}"\n(.*?)```', PAGE, re.DOTALL)
        assert listing
        (tmp_path / name).write_text(listing[1])
    stack = Stack(
        "a3c64-e2e-own",
        IMAGE_SPEC=IMAGES,
        EXTRA_PACKAGES="minigrid==3.1.0",
        LOCAL_ENVS_PATH=str(tmp_path),
        A3C64_ENV_ID="maze:Maze-v0",
        A3C64_REWARD="maze:steady",
        A3C64_WRAPPER="maze:Doubled",
        A3C64_NETWORK="my_network:attention",
        A3C64_CALLBACK="my_callback:Notes",
        A3C64_TOTAL_TIMESTEPS=str(STEPS),
        A3C64_EVAL_EPISODES="2",
        A3C64_WEB_PORT="6081",
        A3C64_TENSORBOARD_PORT="12346",
    )
    stack.remove()
    try:
        yield stack
    finally:
        print(stack.logs())
        stack.remove()
        run("docker", "image", "rm", "-f", f"{IMAGES}-worker", f"{IMAGES}-paramserver")


def test_own_parts_in_mounted_modules_train_and_play(stack_of_a_user: Stack) -> None:
    stack = stack_of_a_user
    stack.make("up", "N=1", timeout=BUILD_S)
    [server] = stack.containers("paramserver")
    assert "5555/tcp" not in run("docker", "port", server), "without LISTEN=1 no other machine can join"
    wait_for("the end of the run", lambda: not stack.everything(), START_S)
    assert stack.exit_codes() == {"0"}
    assert f"the run has taken its {STEPS} steps" in stack.logs()

    beside = ["docker", "run", "--rm", "--volumes-from", f"{server}:ro", f"{IMAGES}-worker"]
    assert "episodes" in run(*beside, "cat", "/data/notes.txt"), "of the callback"
    played = json.loads(run(*beside, "a3c64", "eval", "--run-dir", "/data", "--episodes", "2"))
    assert played["mean_return"] == 2 * played["mean_length"], "1 a step from the reward, doubled by the wrapper"
    film = "a3c64 enjoy --run-dir /data --episodes 1 --mp4 /tmp/film.mp4 >&2 && stat -c %s /tmp/film.mp4"
    assert int(run(*beside, "sh", "-c", film)) > 1000


def test_a_package_that_needs_other_releases_of_ours_fails_the_build(engine: None) -> None:
    command = ["docker", "build", "-f", "env-image/Dockerfile", "--target", "worker-python"]
    done = subprocess.run(
        [*command, "--build-arg", "EXTRA_PACKAGES=minigrid==3.1.0 gymnasium<1.0", "."],
        cwd=ROOT,
        env=os.environ | {"DOCKER_BUILDKIT": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
    )
    assert done.returncode != 0
    assert "The user requested (constraint) gymnasium==" in done.stdout + done.stderr


def test_the_base_image_can_be_named_by_the_user(engine: None) -> None:
    base = run("docker", "image", "inspect", "-f", "{{.Id}}", "debian:bookworm-slim")
    run("docker", "tag", base, "a3c64-e2e-base:of-the-user")
    command = ["docker", "build", "-f", "env-image/Dockerfile", "--target", "base", "--quiet"]
    try:
        run(*command, "--build-arg", "BASE_IMAGE=a3c64-e2e-base:of-the-user", ".", timeout=BUILD_S)
    finally:
        run("docker", "image", "rm", "a3c64-e2e-base:of-the-user")
