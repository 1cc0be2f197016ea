"""n64gym's wheel works in a fresh environment that has only the dependencies it declares."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest

ENV_IMAGE = Path(__file__).parents[2] / "env-image"
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip install ./env-image` builds, from a copy so that no build/ remains in the source tree."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copy(ENV_IMAGE / "pyproject.toml", source)
    shutil.copytree(ENV_IMAGE / "n64gym", source / "n64gym", ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run([str(word) for word in command], env=CLEAN, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def dependencies_of(package: Distribution) -> dict[str, Distribution]:
    """Return all direct and indirect dependencies of a distribution, without the optional ones."""
    found: dict[str, Distribution] = {}
    waiting = list(package.requires or [])
    while waiting:
        requirement = waiting.pop()
        name = re.match(r"[\w.-]+", requirement)[0].lower()
        if "extra ==" not in requirement and "python_version <" not in requirement and name not in found:
            found[name] = distribution(name)
            waiting += found[name].requires or []
    return found


def test_the_wheel_contains_its_modules_and_products_only(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    for product in ("lockstep-video.so", "lockstep-input.so", "lockstep-system.so", "lockstep-rsp.so", "openkart.z64"):
        assert f"n64gym/data/{product}" in names
    modules = {f"n64gym/{path.name}" for path in (ENV_IMAGE / "n64gym").glob("*.py")}
    assert modules <= set(names)
    assert all(name.startswith(("n64gym/", "n64gym-")) for name in names)


PLAY = """
import importlib.util, json
import gymnasium, n64gym
others = ("tensorflow", "zmq", "cv2", "agent")
with gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(84, 84), cache=False) as env:
    env.reset(seed=1)
    for _ in range(20):
        observation, *_, info = env.step(1)
print(json.dumps({
    "file": n64gym.__file__,
    "others": [name for name in others if importlib.util.find_spec(name)],
    "shape": observation.shape,
    "speed": info["speed"],
}))
"""


def test_the_wheel_works_alone(wheel: Path, tmp_path: Path):
    """The environment contains only the wheel and, to save time, links to the installed Gymnasium and NumPy."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    python = venv / "bin" / "python"
    pip("--python", python, "install", "--no-index", "--no-deps", wheel)
    (site,) = (venv / "lib").glob("python*/site-packages")
    (installed,) = [package for package in distributions(path=[str(site)]) if package.name == "n64gym"]
    needed = dependencies_of(installed)
    assert {"gymnasium", "numpy"} <= set(needed)
    for package in needed.values():
        for top in {file.parts[0] for file in package.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            (site / top).symlink_to(package.locate_file(top))
    pip("--python", python, "check")

    done = subprocess.run([python, "-I", "-c", PLAY], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert Path(seen["file"]).is_relative_to(venv)
    assert seen["others"] == []
    assert seen["shape"] == [84, 84]
    assert seen["speed"] > 0
