"""Training inside a Docker build, on a real engine. The files that come out must play outside."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stack import BUILD_S, ROOT

pytestmark = [pytest.mark.docker, pytest.mark.timeout(BUILD_S + 300)]

STEPS = 1500


def build(output: Path, **arguments: str) -> subprocess.CompletedProcess:
    given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    command = ["docker", "build", "-f", "env-image/Dockerfile", "--target", "results", f"--output={output}", *given]
    return subprocess.run(
        [*command, "--progress=plain", "."],
        cwd=ROOT,
        env=os.environ | {"DOCKER_BUILDKIT": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
    )


def frames(film: Path) -> int:
    """Return the number of frames in a film, counted by decoding it."""
    told = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(film)]
    return int(
        json.loads(subprocess.run(told, capture_output=True, check=True, timeout=60).stdout)["streams"][0][
            "nb_read_frames"
        ]
    )


def test_a_run_inside_a_build_is_exported_and_plays(engine: None, tmp_path: Path) -> None:
    seed = int(time.time())  # with a fixed seed the build would only return its cache
    short = f"""--env-args '{{"time_limit": 4.0}}' --eval-episodes 2 --seed {seed}"""
    done = build(tmp_path, TOTAL_TIMESTEPS=str(STEPS), ARGS=short)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "steps/s" in done.stderr, "--progress=plain must show progress"
    [run] = (tmp_path / "results").iterdir()
    assert run.name.startswith("OpenKart-v0-20")
    config = json.loads((run / "config.json").read_text())
    assert (config["total_timesteps"], config["env_args"]) == (STEPS, '{"time_limit": 4.0}')
    assert config["seed"] == seed
    assert json.loads((run / "evaluation.json").read_text())[-1]["step"] >= STEPS
    assert list((run / "tensorboard").glob("events.out.tfevents.*"))
    assert list((run / "replays").rglob("*.m64"))
    assert frames(run / "videos" / "best.mp4") > 10
    assert "<svg" in (run / "report.html").read_text()

    film = tmp_path / "home.mp4"
    which = (["--policy", str(run / "policy.safetensors")], ["--run-dir", str(run), "--load-best"])
    for policy in which:
        enjoy = [sys.executable, "-m", "a3c64", "enjoy", *policy, "--episodes", "1", "--mp4", str(film)]
        played = subprocess.run(enjoy, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert played.returncode == 0, played.stderr
        assert frames(film) > 10
        film.unlink()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"TOTAL_TIMESTEPS": "many"}, "a3c64: TOTAL_TIMESTEPS: found 'many', expected a number above 0"),
        ({}, "a3c64: TOTAL_TIMESTEPS: found '', expected a number above 0"),
        ({"TOTAL_TIMESTEPS": "9", "ENV_ID": "CartPol-v1"}, "did you mean CartPole-v1?"),
        ({"TOTAL_TIMESTEPS": "9", "ARGS": "--t-mx 3"}, "unknown argument --t-mx, did you mean --t-max?"),
    ],
)
def test_bad_values_fail_the_build_with_one_clear_message(
    engine: None, tmp_path: Path, arguments: dict[str, str], said: str
) -> None:
    done = build(tmp_path, **arguments)
    assert done.returncode != 0
    assert said in done.stderr, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
