"""The readers of files that may be a stranger's. Each gets damaged files and must read or refuse them.

A reader that raises another error than its own, or accepts what it must refuse, fails.
"""

import json
import shutil
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from game_readers import (
    games,
    read_game,
    read_retro,
    read_save_files,
    read_savestate,
    retro_folders,
    save_files,
    states,
)
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from mutations import damaged_bytes, damaged_text
from refusals import refusal
from safetensors.numpy import save as save_tensors
from settings_readers import presets, read_preset, read_sweep, sweeps
from wire_readers import answers, read_answer, read_request, requests

from a3c64.config import BadInputError, Settings
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec
from a3c64.paramserver.run_folder import RunFolder
from a3c64.paramserver.web.recordings import Recordings
from a3c64.policy import checkpoint, foreign, policy_file
from a3c64.policy.resume import resume
from a3c64.replays import files as replay_files
from a3c64.replays.pictures import described
from a3c64.report import history, run_summary
from a3c64.wire import keys, server_file
from n64gym import EmulatorError, MovieError, Playback, RecordMovie, RomError, open_rom
from n64gym.movies import m64

SPECS = (ParameterSpec("a/kernel", (5, 3), 1.0), ParameterSpec("moments/count", (1,), 0.0))
ROM_HEADER = 0x40
STEPS = 10  # of the recorded episode
Files = dict[str, bytes]  # by name


class Reader(NamedTuple):
    """A reader: its damaged files, and a function that reads them and returns whether they were accepted."""

    name: str
    files: Callable[[], st.SearchStrategy[Files]]
    read: Callable[[Path], bool]
    cost: int = 1  # examples of this reader take so many times as long as those of others


def attack(reader: Reader, examples: int, number: int = 0) -> Counter:
    """Read damaged files; return how many were accepted and refused."""
    counts: Counter = Counter()
    with tempfile.TemporaryDirectory() as name:
        seed(number)(property_of(reader, Path(name), counts, examples))()
    return counts


def property_of(reader: Reader, folder: Path, counts: Counter, examples: int = 1) -> Callable[[], None]:
    """Return a hypothesis test of a reader. Each example puts damaged files into the folder, and is counted."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(reader.files())
    def read(files: Files) -> None:
        check(reader, folder, files, counts)

    return read


def check(reader: Reader, folder: Path, files: Files, counts: Counter) -> None:
    """Read damaged files in a folder, and count whether they were accepted or refused."""
    for old in folder.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    try:
        counts["accepted" if reader.read(folder) else "refused"] += 1
    except BaseException as error:
        error.add_note(f"{reader.name}, the files: {files!r}")
        raise
    assert "evil_fuzz" not in sys.modules


def drawn(reader: Reader, count: int, number: int) -> list[Files]:
    """Return damaged files of a reader, drawn at random."""
    found: list[Files] = []

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(reader.files())
    def keep(files: Files) -> None:
        found.append(files)

    keep()
    return found


def one(strategy: st.SearchStrategy[bytes], name: str, **others: bytes) -> st.SearchStrategy[Files]:
    """Return a strategy for a folder with one damaged file, and others that are valid."""
    return strategy.map(lambda data: {name: data, **others})


# ---- policy file


def policies() -> st.SearchStrategy[Files]:
    facts = {
        "format": "1",
        "parameters": [[spec.name, list(spec.shape), spec.gain] for spec in SPECS],
        "hyperparameters": Hyperparameters(env_args='{"laps": 1}').model_dump(),
        "step": 7,
        "score": {"mean_reward": 4.5, "episodes": 20},
        "command": "a3c64 train",
    }
    tensors = {"a/kernel": np.ones((5, 3), np.float16), "moments/count": np.full(1, 9.0, np.float32)}
    arguments = damaged_text({"laps": 1, "cache": "x", "choices": {"course": ["meadow"]}}).map(
        lambda text: facts | {"hyperparameters": {"env_args": text.decode(errors="replace")}}
    )
    told = damaged_text(facts) | arguments.map(lambda changed: json.dumps(changed).encode())
    whole = told.map(lambda text: save_tensors(tensors, {"a3c64": text.decode(errors="replace")}))
    valid = save_tensors(tensors, {"a3c64": json.dumps(facts)})
    return one(whole | whole | damaged_bytes(valid, len(valid)), "x.safetensors")


def read_policy(folder: Path) -> bool:
    path = folder / "x.safetensors"
    try:
        policy = policy_file.load(path)
        foreign.check_code(policy.hyperparameters, path, {})
    except BadInputError as error:
        return refusal(error)
    assert np.isfinite(policy.weights).all()
    assert ":" not in policy.hyperparameters.env_id
    arguments = json.loads(foreign.without_paths(policy.hyperparameters, path).env_args)
    assert not isinstance(arguments.get("cache"), str)
    line = f"{policy.hyperparameters.env_id}: {policy.step:,}, made by {policy.command}"
    if policy.score:
        line += f"{policy.score['mean_reward']:.2f} of {policy.score['episodes']}"
    assert line
    try:
        policy_file.save(folder / "again.safetensors", policy)
    except BadInputError:  # too large for half precision
        return True
    policy_file.load(folder / "again.safetensors")
    return True


# ---- checkpoint


def checkpoints() -> st.SearchStrategy[Files]:
    with tempfile.TemporaryDirectory() as name:
        first = checkpoint.first(SPECS, 0, Hyperparameters().model_dump())
        figures = {"episodes": 3}
        snapshot = first._replace(optimiser={"mean_square": first.weights}, step=5, score={"mean_reward": 1.0})
        there = checkpoint.save(Path(name), snapshot._replace(figures=figures))
        files = {f"checkpoints/step_5/{path.name}": path.read_bytes() for path in there.iterdir()}
    state = "checkpoints/step_5/state.json"
    damaged = damaged_text(json.loads(files[state])).map(lambda data: {**files, state: data})
    told = damaged_text(figures).map(lambda data: {**files, f"checkpoints/step_5/{checkpoint.FIGURES}": data})
    return damaged | told


def read_checkpoint(folder: Path) -> bool:
    checkpoint.hyperparameters(folder / checkpoint.CHECKPOINTS)
    snapshot = checkpoint.newest(folder / checkpoint.CHECKPOINTS)
    if snapshot is None:
        return False
    assert np.isfinite(snapshot.weights).all()
    assert 0 <= snapshot.step <= checkpoint.MAX_COUNT
    with suppress(BadInputError):
        policy_file.of(snapshot)
    return True


# ---- config.json, evaluation.json


def configs() -> st.SearchStrategy[Files]:
    return one(damaged_text(Hyperparameters().model_dump()), "config.json")


def read_config(folder: Path) -> bool:
    run_summary.table([(str(value),) for value in run_summary.summarise(folder).hyperparameters.values()] or [("",)])
    try:
        resumption = resume(Settings(run_dir=folder))
    except BadInputError as error:
        return refusal(error)
    resumption.settings.hyperparameters()
    return True


def evaluations() -> st.SearchStrategy[Files]:
    told = {"step": 5, "version": 1, "seconds": 1.0, "episodes": 2, "mean_reward": 3.5, "mean_length": 9.0}
    return one(damaged_text([{**told, "figures": {"finished": 0.5}}, {**told, "figures": {}}]), "evaluation.json")


def read_evaluation(folder: Path) -> bool:
    for found in history.evaluations(folder):
        run_summary.score(found)
    known = RunFolder(folder, keep=1).evaluations()
    json.dumps([evaluation.plain() for evaluation in known.all])
    known.report()
    return bool(known.all)


# ---- replays


@cache
def recorded() -> tuple[dict[str, Any], bytes]:
    """Return the facts and the movie of a recorded episode."""
    with tempfile.TemporaryDirectory() as name:
        with RecordMovie(gymnasium.make("n64gym/OpenKart-v0"), name) as env:
            env.reset(seed=1)
            for _ in range(STEPS):
                env.step(1)
        movie = next(Path(name).glob("*.m64"))
        facts = json.loads(movie.with_suffix(".json").read_text())
        return facts | {"training": {"step": 7, "version": 1, "worker": 0}, "lap_times": [30.5]}, movie.read_bytes()


def replays() -> st.SearchStrategy[Files]:
    facts, movie = recorded()
    return one(damaged_text(facts), "x.json", **{"x.m64": movie})


def read_replay(folder: Path) -> bool:
    found, skipped = replay_files.find([folder])
    for bad in skipped:
        refusal(bad.why)
    chosen = replay_files.choose(found, best=1, since=replay_files.moment("1h"))
    for replay in [*found, *chosen, *replay_files.stages(found, 1)]:
        assert all(text.isprintable() for text in described(replay))
    return bool(found)


def play_replay(folder: Path) -> bool:
    """Play what the reader accepts, for at most some seconds."""
    found, _ = replay_files.find([folder])
    for replay in found:
        try:
            playback = Playback(replay.path)
        except (MovieError, RomError, EmulatorError) as error:
            return refusal(error)
        try:
            for _ in range(10):
                playback.advance(60)
        finally:
            playback.close()
    return bool(found)


def movies() -> st.SearchStrategy[Files]:
    return one(damaged_bytes(recorded()[1], m64.HEADER_BYTES), "x.m64")


def read_movie(folder: Path) -> bool:
    try:
        movie = m64.read(folder / "x.m64")
    except MovieError as error:
        return refusal(error)
    assert 1 <= movie.controllers <= 4
    assert movie.start == m64.POWER_ON
    return True


# ---- ROM


def roms() -> st.SearchStrategy[Files]:
    header = struct.pack(">4I", 0x80371240, 15, 0x80000400, 0x1444) + bytes(16) + b"FUZZ".ljust(32)
    return one(damaged_bytes(header + bytes(4096), ROM_HEADER), "x.z64")


def read_rom(folder: Path) -> bool:
    try:
        rom = open_rom(folder / "x.z64")
    except RomError as error:
        return refusal(error)
    return len(rom.title) <= 20 and len(rom.sha1) == 40


# ---- the web page's list of recordings, server.json


def listings() -> st.SearchStrategy[Files]:
    facts, movie = recorded()
    return one(damaged_text(facts), "replays/worker-0/x.json", **{"replays/worker-0/x.m64": movie})


def read_listing(folder: Path) -> bool:
    found = Recordings(folder).listed()
    assert len(json.dumps(found, allow_nan=False)) < 20_000
    return found["count"] == 1


def server_files() -> st.SearchStrategy[Files]:
    return one(
        damaged_text(server_file.ServerFile("tcp://[::]:5555", 7, 6080, 12345, "keys/client")._asdict()),
        server_file.NAME,
    )


def read_server_file(folder: Path) -> bool:
    server = server_file.read(folder)
    if server is None:
        return False
    with suppress(BadInputError):
        keys.read(server.address(folder).key_file or folder / "none")
    return True


READERS = (
    Reader("wire request", requests, read_request),
    Reader("wire answer", answers, read_answer),
    Reader("server.json", server_files, read_server_file),
    Reader("list of recordings", listings, read_listing),
    Reader("policy file", policies, read_policy),
    Reader("checkpoint", checkpoints, read_checkpoint),
    Reader("config.json", configs, read_config),
    Reader("evaluation.json", evaluations, read_evaluation),
    Reader("replay JSON", replays, read_replay),
    Reader("replay played", replays, play_replay, cost=20),
    Reader(".m64", movies, read_movie),
    Reader("ROM header", roms, read_rom),
    Reader("game.toml", games, read_game),
    Reader("game of stable-retro", retro_folders, read_retro),
    Reader("game's savestate", states, read_savestate),
    Reader("saves", save_files, read_save_files),
    Reader("sweep", sweeps, read_sweep),
    Reader("preset", presets, read_preset),
)
