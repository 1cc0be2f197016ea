"""Mistakes of users: one line on standard error, exit code 2, nothing on standard output, nothing written."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live import free_port
from namespace import run_with_mounts

from a3c64.hyperparameters import Hyperparameters

A3C64 = Path(sys.executable).with_name("a3c64")
QUIET = "--web-port 0 --tensorboard-port 0"

MISTAKES = {  # a command line -> a part of its error
    "trian": "unknown command 'trian', did you mean train?",
    "eval --epsiodes 3": "did you mean --episodes?",
    "train --run-dri x": "did you mean --run-dir?",
    "train extra": "unknown argument extra",
    "train --seed": "--seed: expected one argument",
    "train --workers two": "--workers: found 'two', expected a whole number",
    "train --workers 0": "--workers: found '0', expected 1 or more",
    "train --seed 1.5": "--seed: found '1.5', expected a whole number",
    "train --learning-rate fast": "--learning-rate: found 'fast', expected a number",
    "train --learning-rate 2": "--learning-rate: found '2', expected 1.0 or less",
    "train --learning-rate 0": "--learning-rate: found '0', expected a number above 0.0",
    "train --discount nan": "--discount: found 'nan', expected",
    "train --stop-at-reward inf": "--stop-at-reward: found 'inf', expected a finite number",
    "train --deterministic maybe": "--deterministic: found 'maybe', expected true or false",
    "train --deterministic --workers 2": "--workers: found 2, expected 1 with --deterministic",
    "train --trunk deep": "--trunk: found 'deep', expected 'patches', 'fine', 'universe' or 'a3c'",
    "train --track mlflo": "--track: found 'mlflo', expected 'none', 'wandb', 'mlflow' or 'trackio'",
    "train --checkpoint-command 'cp {pth} x'": "expected a command whose placeholders are {path}, {run}, {step}",
    """train --checkpoint-command "cp '{path}" """: "expected a command with matching quotes (No closing quotation)",
    f"train {QUIET} --checkpoint-command 'no-such-program {{path}}'": "found no-such-program, expected a program",
    "train --preset atarri": "did you mean atari?",
    "train --env-args {course": "--env-args: found '{course', expected a JSON object",
    "train --env-args [1]": "--env-args: found '[1]', expected a JSON object",
    "train --bind localhost": "--bind: found 'localhost', expected an address such as tcp://",
    "train --bind tcp://127.0.0.1:99999": "with a port up to 65535",
    "train --vnc-port 70000": "--vnc-port: found '70000', expected 65535 or less",
    f"train {QUIET} --vnc-port 65535": "--vnc-port: found 65535, expected 65534 or less",
    "train --web-port 7000 --tensorboard-port 7000": "--tensorboard-port and --web-port both use port 7000",
    f"train {QUIET} --run-dir file": "--run-dir (A3C64_RUN_DIR): file cannot be used: file is not a folder",
    f"train {QUIET} --run-dir file/run": "--run-dir (A3C64_RUN_DIR): file/run cannot be used: file is not a folder",
    "train --server tcp://127.0.0.1:1": "--server is a setting of `a3c64 worker`",
    f"train {QUIET} --env-id CartPol-v1": "did you mean CartPole-v1?",
    f"train {QUIET} --env-id CartPole": "did you mean CartPole-v1?",
    f"train {QUIET} --env-id ''": "no environment is called ''",
    f"train {QUIET} --env-id ALE/Pung-v5": "did you mean ALE/Pong-v5?",
    f"train {QUIET} --env-id n64gym/OpenCart-v0": "did you mean n64gym/OpenKart-v0?",
    f"train {QUIET} --env-id my_evn:My-v0": "there is no module 'my_evn', did you mean my_env?",
    f"train {QUIET} --env-id my_env:My-v0": "no environment is called 'my_env:My-v0'; my_env does not register it",
    "train --game nowhere": "there is no file",
    "train --game folder --env-id CartPole-v1": "--game: found --env-id CartPole-v1 as well",
    """train --game folder --env-args '{"game": "x"}'""": "--game: found a game in --env-args as well",
    "train --frameskip 61": "--frameskip: found '61', expected 60 or less",
    "train --epochs 0": "--epochs: found '0', expected 1 or more",
    f"train {QUIET} --epochs 2 --preset a3c-paper": "expected 1 with --surrogate-clip (A3C64_SURROGATE_CLIP) 0",
    f"server {QUIET} --epochs 2 --surrogate-clip 0": "--epochs (A3C64_EPOCHS): found 2, expected 1 with --surrogate",
    "imitate file --epochs 2 --surrogate-clip 0": "give --surrogate-clip 0.2, or leave --epochs out",
    "train --sticky-actions 1": "--sticky-actions: found '1', expected a number below 1.0",
    f"train {QUIET} --env-id CartPole-v1 --wrapper my_evn:Mine": "there is no module 'my_evn', did you mean my_env?",
    f"train {QUIET} --env-id CartPole-v1 --reward clipped": "is a file in the working folder, did you mean --rewards?",
    f"train {QUIET} --env-id CartPole-v1 --rewards m:fun": "'raw', 'clipped' or 'scaled', did you mean --reward?",
    f"train {QUIET} --env-id CartPole-v1 --callback my_env:Mine": "--callback (A3C64_CALLBACK): my_env has no 'Mine'",
    f"train {QUIET} --env-id CartPole-v1 --rom file": "--rom: CartPole-v1 is not an N64 game",
    f"train {QUIET} --env-id n64gym/MarioKart64-v0": "--rom (A3C64_ROM): n64gym/MarioKart64-v0 needs the file",
    f"train {QUIET} --env-id n64gym/Rom-v0 --rom file": "n64gym/Rom-v0 has no reward, so there is nothing to learn",
    f"train {QUIET} --rom nowhere.z64": "--rom (A3C64_ROM): found 'nowhere.z64', expected an N64 ROM",
    f"train {QUIET} --rom file": "--rom (A3C64_ROM): n64gym/OpenKart-v0: ROM not usable: file begins with",
    f"""train {QUIET} --env-args '{{"cuorse": "desert"}}'""": "there is no argument 'cuorse', did you mean course?",
    f"""train {QUIET} --env-args '{{"course": "dessert"}}'""": "(maybe you meant 'desert'?)",
    f"""train {QUIET} --env-id CartPole-v1 --env-args '{{"x": 1}}'""": "there is no argument 'x'",
    "status --server nonsense": "--server: found 'nonsense', expected an address",
    "status --run-dir nowhere": "--run-dir: no server runs in nowhere",
    "status --workers 3": "--workers is a setting of `a3c64 train`, `a3c64 worker`, not of `a3c64 status`",
    "status --run-dir x --server tcp://127.0.0.1:1": "give one of them",
    "watch --run-dir file": "--run-dir: no server runs in file",
    "watch --json": "unknown argument --json",
    "worker --learning-rate 1": "`a3c64 imitate`, `a3c64 server`, not of `a3c64 worker`",
    "evaluator --vnc-port 1": "not of `a3c64 evaluator`",
    "server --workers 2": "--workers is a setting of `a3c64 train`",
    f"server {QUIET} --run-dir file/run": "file/run",
    "integrate": "arguments are required: ROM",
    "integrate nowhere.z64": "ROM not found: there is no file nowhere.z64",
    "integrate file": "ROM not usable: file begins with",
    "integrate file --game file/x --rom file": "--rom is a setting of",
    "eval": "no checkpoint in runs/default",
    "eval --run-dir nowhere": "no checkpoint in nowhere",
    "eval --episodes 0": "--episodes: found 0, expected 1 or more",
    "eval --episodes many": "--episodes: found 'many', expected a whole number",
    "eval --policy nowhere.safetensors": "--policy: nowhere.safetensors cannot be read",
    "eval --policy file": "--policy: file is no",
    "eval --policy .": "--policy: . cannot be read",
    "eval --policy file --run-dir x": "--policy and --run-dir both say which policy is meant",
    "eval --policy a --load-best": "not allowed with argument",
    "eval --load-checkpoint 7": "--load-checkpoint: found 7, expected one in runs/default",
    "eval --greedy --sample": "not allowed with argument",
    "eval --eval-policy drawn": "--greedy or --sample says how actions are chosen",
    "train --eval-policy sampled": "--eval-policy: found 'sampled', expected 'greedy' or 'drawn'",
    "eval --deterministic": "--greedy or --sample says how actions are chosen",
    "eval --random --env-id CartPol-v1": "did you mean CartPole-v1?",
    """eval --random --env-id CartPole-v1 --env-args '{"x": 1}'""": "there is no argument 'x'",
    "eval --random --env-id CartPole-v1 --report file/r.html": "--report: file/r.html cannot be written: file is not",
    "eval --random --env-id CartPole-v1 --report .": "--report: . cannot be written: it is a folder",
    "eval --random --rom nowhere.z64": "--rom (A3C64_ROM): n64gym/OpenKart-v0: ROM not found",
    "enjoy --mp4 film.avi": "--mp4: found film.avi, expected a name that ends in .mp4",
    "enjoy --mp4 file/film.mp4": "--mp4: file/film.mp4 cannot be written: file is not a folder",
    "enjoy --env-id CartPole-v1": "no policy comes with this release for CartPole-v1",
    "enjoy --load-best": "--load-best: runs/default has no evaluation yet",
    "enjoy --policy kart.safetensors --env-id CartPole-v1": "this policy was trained on n64gym/OpenKart-v0",
    "export": "the following arguments are required: FILE",
    "export out.safetensors": "no checkpoint in runs/default",
    "export file/x --policy kart.safetensors": "file/x cannot be written: file is not a folder",
    "replay": "the following arguments are required: PATH",
    "replay nowhere": "nowhere does not exist",
    "replay folder": "nothing to play: no movie fits the options, out of 0 found",
    "replay folder --grid 9x9": "--grid: found '9x9', expected columns x rows",
    "replay folder --speed 0": "--speed: found 0.0, expected 0.1 to 1000",
    "replay folder --since yesterday": "--since: found 'yesterday', expected a duration",
    "replay folder --best 0": "--best: found 0, expected 1 or more",
    "replay folder --mp4 film.avi": "expected a name that ends in .mp4",
    "film": "the following arguments are required: RUN_DIR",
    "film folder": "folder has no recorded episodes",
    "film folder --stages 0": "--stages: found 0, expected 1 or more",
    "film folder --seconds -1": "--seconds: found -1.0, expected 0 or more",
    "verify": "the following arguments are required: MOVIE",
    "verify nowhere.m64": "nowhere.m64 does not exist",
    "verify folder": "no movie (.m64) in folder",
    "verify file": "file: refused: not usable: movie not usable: file begins with 74 65 78 74",
    "doctor --rom nowhere.z64": "--rom (A3C64_ROM): ROM not found: there is no file nowhere.z64",
    "doctor --rom file": "--rom (A3C64_ROM): ROM not usable: file begins with 74 65 78 74",
    "doctor --report file/report.md": "--report: file/report.md cannot be written: file is not a folder",
    "doctor --train-seconds -1": "--train-seconds: found -1.0, expected 0 or more",
    "polish": "the following arguments are required: MOVIE",
    "polish nowhere.m64": "nowhere.m64: refused: not usable: movie not readable: nowhere.m64: No such file",
    "polish file": "file: refused: not usable: movie not usable: file begins with 74 65 78 74",
    "polish file --out file": "--out: found file, expected a name that ends in .m64",
    "polish file --out file/a.m64": "--out: file/a.m64 cannot be written: file is not a folder",
    "polish file --minutes -1": "--minutes: found -1.0, expected 0 or more",
    "polish file --minutes nan": "--minutes: found nan, expected 0 or more",
    "polish file --emulators 0": "--emulators: found 0, expected 1 or more",
    "polish file --goal win": "--goal: invalid choice: 'win'",
    "records nowhere": "nowhere has no records; add some: a3c64 records nowhere --add MOVIE",
    "records file": "file/records.jsonl cannot be read: Not a directory",
    "records folder --add": "--add: expected at least one argument",
    "records folder --add nowhere.m64": "nowhere.m64 does not exist",
    "records folder --add folder": "no movie (.m64) in folder",
    "records folder --add file": "file: refused: not usable: movie not usable: file begins with 74 65 78 74",
    "completion fish": "'bash'",
    "imitate": "the following arguments are required: MOVIES",
    "imitate nowhere": "nowhere does not exist",
    "imitate folder": "imitate: no movie (.m64) found in folder",
    "imitate file": "movie not usable: file begins with",
    "imitate file --updates 0": "--updates: found 0, expected 1 or more",
    "imitate file --run-dir file": "--run-dir (A3C64_RUN_DIR): file cannot be used: file is not a folder",
    "imitate file --env-id CartPole-v1": "imitate: CartPole-v1 is not an environment of n64gym",
    "imitate file --workers 2": "--workers is a setting of `a3c64 train`",
    "sweep": "the following arguments are required: FILE",
    "sweep nowhere.toml": "nowhere.toml cannot be read: No such file or directory",
    "sweep sweep.toml --trials 0": "--trials: found 0, expected 1 or more",
    "sweep sweep.toml --folder file": "--folder: file cannot be used: file is not a folder",
    "sweep sweep.toml": "did you mean CartPole-v1?",
}


RUN = f"{QUIET} --env-id CartPole-v1 --run-dir"
READ_ONLY = {  # a command line that writes into the read-only folder -> its error
    f"train {RUN} folder": "--run-dir (A3C64_RUN_DIR): folder cannot be used: folder is read-only",
    f"train {RUN} folder/new/run": "--run-dir (A3C64_RUN_DIR): folder/new/run cannot be used: folder is read-only",
    f"train {RUN} folder/run": "--run-dir (A3C64_RUN_DIR): folder/run cannot be used: folder/run is read-only",
    f"server {RUN} folder": "A3C64_RUN_DIR: folder cannot be used: Read-only file system",
    f"server {RUN} folder/new": "A3C64_RUN_DIR: folder/new cannot be used: Read-only file system",
    f"server {RUN} folder/run": "A3C64_RUN_DIR: folder/run cannot be used: Read-only file system",
    "export folder --policy kart.safetensors": "folder/policy.safetensors cannot be written: Read-only file system",
    "export folder/a.safetensors --policy kart.safetensors": "cannot be written: folder is read-only",
    "eval --random --env-id CartPole-v1 --report folder/a.html": "--report: folder/a.html cannot be written: folder is",
    "enjoy --mp4 folder/a.mp4": "--mp4: folder/a.mp4 cannot be written: folder is read-only",
    "records folder --add file": "folder/records.jsonl cannot be written: folder is read-only",
    "compare folder/run folder/run --out folder/a.html": "--out: folder/a.html cannot be written: Read-only file",
}


@pytest.fixture
def folder(tmp_path):
    """The folder in which a user runs commands."""
    (tmp_path / "file").write_text("text\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "my_env.py").write_text("import gymnasium\n")
    space = "[run]\nenv_id = 'CartPol-v1'\ntotal_timesteps = 100\n[space]\nt_max = [8, 16]\n"
    (tmp_path / "sweep.toml").write_text(space)
    bundled = Path(__file__).parents[2] / "agent" / "policy" / "bundled" / "openkart.safetensors"
    shutil.copy(bundled, tmp_path / "kart.safetensors")
    return tmp_path


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("A3C64_", "DISPLAY"))}
    return {**clean, "PYTHONDONTWRITEBYTECODE": "1"}


def run(folder: Path, *arguments: str, file_bytes: int = 0) -> subprocess.CompletedProcess:
    """Run the command; `file_bytes` limits the size of files, so that writing fails as on a full disk."""
    limit = ["prlimit", f"--fsize={file_bytes}"] if file_bytes else []
    return subprocess.run(
        [*limit, A3C64, *arguments], cwd=folder, env=environment(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def contents(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_a_one_line_error_and_writes_nothing(folder, line):
    arguments = shlex.split(line)
    if arguments[0] == "train" and "--bind" not in line:
        arguments += ["--bind", f"tcp://127.0.0.1:{free_port()}"]
    before = contents(folder)
    done = run(folder, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert MISTAKES[line] in done.stderr
    assert done.stderr.startswith("a3c64")
    assert contents(folder) == before


@pytest.mark.parametrize("line", READ_ONLY)
def test_a_read_only_folder_is_a_one_line_error(folder, line):
    """The folder is a read-only mount, because root may write into a folder without write permission."""
    (folder / "folder" / "run").mkdir()
    config = json.dumps(Hyperparameters(env_id="CartPole-v1").model_dump())
    (folder / "folder" / "run" / "config.json").write_text(config)
    arguments = shlex.split(line)
    if arguments[0] in ("train", "server"):
        arguments += ["--bind", f"tcp://127.0.0.1:{free_port()}"]
    before = contents(folder)
    mount = "mount --bind folder folder && mount -o remount,ro,bind folder"
    done = run_with_mounts(mount, A3C64, *arguments, cwd=folder, env=environment(), stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert READ_ONLY[line] in done.stderr
    assert contents(folder) == before


@pytest.mark.parametrize(
    "line",
    [
        "export out.safetensors --policy kart.safetensors",
        "eval --random --env-id CartPole-v1 --episodes 1 --report report.html",
    ],
)
def test_a_full_disk_is_a_one_line_error_and_leaves_no_partial_file(folder, line):
    before = contents(folder)
    done = run(folder, *shlex.split(line), file_bytes=1000)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "cannot be written: " in done.stderr
    assert contents(folder).keys() == before.keys()


def test_a_film_on_a_full_disk_is_a_one_line_error(folder):
    before = contents(folder)
    code = """
import resource, numpy
from pathlib import Path
from a3c64.program import run
from a3c64.play.video import Video

def film():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    with Video(Path("film.mp4"), fps=10) as video:
        for seed in range(300):
            video.write(numpy.random.default_rng(seed).integers(0, 255, (240, 320, 3), numpy.uint8))

raise SystemExit(run("a3c64 enjoy", film))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "--mp4: film.mp4 cannot be written: " in done.stderr
    assert contents(folder).keys() == before.keys()
