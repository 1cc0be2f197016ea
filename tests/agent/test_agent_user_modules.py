"""A user's environment is imported from the working folder; the user's other files never replace our modules."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live import HERE, free_port

MINE = (HERE / "tiny_env.py").read_text().replace("tiny_env:", "my_env:")
OURS = ("worker", "agent", "paramserver", "a3c64", "queue", "json", "n64gym", "numpy")  # not to be imported from there
ID = "my_env:TinyImage-v0"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder: an environment, and modules that must not be imported."""
    for name in OURS:
        (tmp_path / f"{name}.py").write_text(f'raise SystemExit("{name}.py of the user was imported")\n')
    (tmp_path / "helper.py").write_text("VALUE = 1\n")
    (tmp_path / "my_env.py").write_text(MINE + "\nimport helper  # lies beside it\n")
    return tmp_path


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen:
    command = Path(sys.executable).with_name("a3c64")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder), **variables}
    return subprocess.Popen(
        [command, *arguments], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def end(process: subprocess.Popen, timeout_s: float = 120) -> tuple[str, str]:
    try:
        out, said = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise
    assert process.returncode == 0, said
    assert "of the user was imported" not in out + said
    return out, said


def test_all_commands_find_the_users_environment_and_our_packages(folder):
    bind = f"tcp://127.0.0.1:{free_port()}"
    small = {"A3C64_LSTM_SIZE": "8", "A3C64_T_MAX": "5", "A3C64_RUN_DIR": "mine"}
    quiet = ["--bind", bind, "--web-port", "0", "--tensorboard-port", "0"]
    ended = ["--total-timesteps", "300", "--eval-interval", "0.5", "--eval-episodes", "1"]
    end(start(folder, "train", "--env-id", ID, "--workers", "1", *quiet, *ended, **small))
    assert json.loads((folder / "mine" / "evaluation.json").read_text()), "the evaluator found it"

    told, _ = end(start(folder, "eval", "--run-dir", "mine", "--episodes", "2"))
    assert json.loads(told)["env_id"] == ID
    _, said = end(start(folder, "enjoy", "--run-dir", "mine", "--episodes", "1", "--mp4", "film.mp4"))
    assert (folder / "film.mp4").stat().st_size > 0, said

    shutil.rmtree(folder / "mine")
    server = start(folder, "server", "--env-id", ID, *quiet, *ended, **small)
    key = ["--key-file", "mine/keys/client"]
    processes = [*(start(folder, name, "--server", bind, *key) for name in ("worker", "evaluator")), server]
    try:
        for process in processes:
            end(process)
    finally:
        for process in processes:
            process.kill()
    assert json.loads((folder / "mine" / "evaluation.json").read_text())


def test_python_m_does_not_import_from_the_working_folder(folder):
    ran = subprocess.run(
        [sys.executable, "-m", "a3c64", "--help"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    # `python -m a3c64` looks for a3c64 in the working folder first. We cannot prevent it for this one name.
    assert "a3c64.py of the user" in ran.stderr
    (folder / "a3c64.py").unlink()
    ran = subprocess.run(
        [sys.executable, "-m", "a3c64", "eval", "--random", "--episodes", "1", "--env-id", ID],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import gymnasium_robotics_that_nobody_has\n",
            "my_env cannot be imported: ModuleNotFoundError: No module named",
        ),
        ("def broken(:\n", "my_env cannot be imported: SyntaxError: "),
        ("1 / 0\n", "my_env cannot be imported: ZeroDivisionError: division by zero (my_env.py, line 1)"),
        ("raise SystemExit('usage: my_env')\n", "my_env cannot be imported: SystemExit: usage: my_env"),
        (MINE.replace("TinyImage-v0", "TinyImag-v0"), "did you mean my_env:TinyImag-v0?"),
        (MINE.replace("def __init__(self", "def __init__(self, must"), "must"),
    ],
)
def test_a_module_that_cannot_be_used_is_a_one_line_error(folder, text, said):
    (folder / "my_env.py").write_text(text)
    before = sorted(folder.rglob("*.py"))
    process = start(folder, "train", "--env-id", ID, "--bind", f"tcp://127.0.0.1:{free_port()}", "--web-port", "0",
                    "--tensorboard-port", "0", PYTHONDONTWRITEBYTECODE="1")  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1), err
    assert said in err
    assert sorted(folder.rglob("*.*")) == before, "nothing was written"
