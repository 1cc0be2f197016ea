"""A user's module and a user's package in the containers: LOCAL_ENVS_PATH and EXTRA_PACKAGES, on a real engine."""

import os
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
from minigrid.wrappers import FlatObsWrapper  # of a package that the image lacks

gym.register("Maze-v0", lambda **arguments: FlatObsWrapper(gym.make("MiniGrid-Empty-5x5-v0", **arguments)))
"""


@pytest.fixture
def stack_of_a_user(engine: None, tmp_path: Path) -> Iterator[Stack]:
    """A project with images of its own, that trains in a mounted module until its limit."""
    tmp_path.chmod(0o755)
    (tmp_path / "maze.py").write_text(MODULE)
    stack = Stack(
        "a3c64-e2e-own",
        IMAGE_SPEC=IMAGES,
        EXTRA_PACKAGES="minigrid==3.1.0",
        LOCAL_ENVS_PATH=str(tmp_path),
        A3C64_ENV_ID="maze:Maze-v0",
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


def test_a_mounted_module_and_an_extra_package_train(stack_of_a_user: Stack) -> None:
    stack = stack_of_a_user
    stack.make("up", "N=1", timeout=BUILD_S)
    wait_for("the end of the run", lambda: not stack.everything(), START_S)
    assert stack.exit_codes() == {"0"}
    assert f"the run has taken its {STEPS} steps" in stack.logs()


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
