"""`pip install .` as a new user runs it: a copy of the tree, a fresh virtual environment, the installed commands."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("A3C64_", "PYTHON"))}


def run(*command: object, cwd: Path, timeout_s: float = 300.0) -> subprocess.CompletedProcess:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=CLEAN, capture_output=True, text=True, timeout=timeout_s)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's files as in a clone, without build products."""
    folder = tmp_path_factory.mktemp("clone")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    built = run(*build, "--wheel-dir", folder, source, cwd=folder)
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel, TensorFlow, and the releases that the project is tested with."""
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pins = re.findall(r"^([\w.-]+==[\w.+-]+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    (folder / "pins.txt").write_text("\n".join(pins))
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", folder / "pins.txt"]
    done = run(*install, f"a3c64[train] @ {wheel.as_uri()}", cwd=folder)
    if done.returncode and "CI" not in os.environ:
        pytest.skip(f"pip cannot install here: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return python


def test_a_wheel_has_all_files_needed_at_run_time(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, package in (("agent", "a3c64"), ("paramserver", "a3c64/paramserver"), ("worker", "a3c64/worker")):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".css", ".toml", ".safetensors", ".typed") or path.parent.name == "page":
                name = f"{package}/{path.relative_to(ROOT / folder)}"
                assert name in names or path.is_dir(), name
    products = {"n64gym/data/openkart.z64", "n64gym/data/lockstep-video.so", "n64gym/data/lockstep-input.so"}
    products |= {"n64gym/data/lockstep-system.so", "n64gym/data/lockstep-rsp.so"}
    assert products <= names, "they are compiled while the wheel is built"
    assert not any(name.startswith(("agent/", "paramserver/", "worker/")) for name in names)
    assert wheel.name.startswith("a3c64-")
    assert not wheel.name.endswith("-any.whl"), "a wheel with machine code is for one platform"


def test_the_command_works_in_a_fresh_environment(python: Path, tmp_path: Path):
    command = python.with_name("a3c64")
    version = run(command, "--version", cwd=tmp_path)
    assert re.fullmatch(r"a3c64 \d+\.\d+\.\d+\n", version.stdout), version
    assert run(python, "-c", "import a3c64", cwd=tmp_path).returncode == 0
    ports = ["--bind", "ipc://server", "--tensorboard-port", "0", "--web-port", "0"]
    small = ["--workers", "1", "--total-timesteps", "2000", "--eval-interval", "0", *ports]
    trained = run(command, "train", "--env-id", "CartPole-v1", *small, cwd=tmp_path)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert list(tmp_path.glob("runs/default/checkpoints/step_*"))


def test_a_game_runs_from_the_wheel(python: Path, tmp_path: Path):
    short = ["--episodes", "1", "--env-args", '{"laps": 1}']
    play = run(python.with_name("a3c64"), "enjoy", *short, "--mp4", "race.mp4", cwd=tmp_path)
    assert play.returncode == 0, play.stderr
    assert "finished" in play.stdout
