"""A real local run under faults: its processes are killed and stopped, and one worker's network stalls.

    python tests/chaos/chaos.py --seconds 600 --seed 1     # what `make chaos` runs

Each fault and its target are drawn from the seed. A fault is a SIGKILL or a SIGSTOP for some seconds of the server, a
worker, the evaluator, an emulator, TensorBoard or the web page's server. One more worker is connected through a proxy,
which stalls or delays connections, cuts them, or alters bytes. It compresses its gradients, as workers of other
machines do. The result is one JSON object. The exit code is 1 if a promise of docs/reliability.md was broken.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "agent"))  # for proxy.py and live.py

from live import free_port  # noqa: E402
from proxy import Proxy  # noqa: E402

from a3c64.wire.address import ServerAddress  # noqa: E402
from a3c64.wire.status import fetch  # noqa: E402

EVERY_S = 5.0  # from one fault to the next
STOPPED_S = (0.5, 8.0)  # shortest and longest SIGSTOP
STOP_S = 20.0  # longest clean end
CHECKPOINT_S = 5.0
SOLVED = 0.95  # share of finished greedy races from which the run counts as solved
LOOK_S = 0.5
ENDINGS = 10  # times to look whether the folders of ended emulators are gone
ROLES = {  # role -> words that its command line must contain
    "server": ("a3c64.paramserver",),
    "worker": ("a3c64.worker",),
    "evaluator": ("a3c64.worker.evaluator",),
    "emulator": ("host.py",),
    "tensorboard": ("tensorboard",),
    "web": ("gateway",),
}


@dataclass
class Result:
    """What a run did and which promises it broke."""

    seed: int
    seconds: float
    faults: dict[str, int]
    solved_s: float | None = None  # wall-clock time until an evaluation finished SOLVED of its races
    steps: int = 0
    updates: int = 0
    rewound_s: float = 0.0  # the most training time that a server restart lost
    alive_s: float = 0.0  # total time in which the server answered
    broken: list[str] = field(default_factory=list)  # broken promises


def role_of(words: list[str]) -> str | None:
    """Return the role that a process has by its command line, or None."""
    for role, wanted in ROLES.items():
        if role == "worker":
            found = "a3c64.worker" in words
        else:
            found = all(any(part in word for word in words) for part in wanted)
        if found:
            return role
    return None


def family(pid: int) -> dict[str, list[psutil.Process]]:
    """Return all descendants of a process, by role."""
    found: dict[str, list[psutil.Process]] = {}
    with suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                if (role := role_of(process.cmdline())) and process.status() != psutil.STATUS_ZOMBIE:
                    found.setdefault(role, []).append(process)
    return found


class Faults:
    """Draws faults and injects them."""

    def __init__(self, seed: int, proxy: Proxy | None) -> None:
        self._random = random.Random(seed)
        self._proxy = proxy
        self._resume: list[tuple[float, psutil.Process]] = []
        self._network_until = 0.0
        self.counts: Counter[str] = Counter()

    def make(self, pid: int) -> None:
        """Inject the next fault into the descendants of a process."""
        processes = family(pid)
        kind = self._random.choice(["kill", "kill", "stop", "network" if self._proxy else "kill"])
        role = self._random.choice([*ROLES, "server"])
        if kind == "network":
            self._disturb()
            return
        if not processes.get(role):
            return
        victim = self._random.choice(sorted(processes[role], key=lambda process: process.pid))
        pause = self._random.uniform(*STOPPED_S)
        with suppress(psutil.NoSuchProcess):
            if kind == "kill":
                victim.kill()
            else:
                victim.suspend()
                self._resume.append((time.monotonic() + pause, victim))
            self.counts[f"{kind} {role}"] += 1

    def tend(self, everything: bool = False) -> None:
        """End faults that have lasted long enough: resume stopped processes, and reset the proxy."""
        now = time.monotonic()
        for due, process in [one for one in self._resume if everything or one[0] <= now]:
            self._resume.remove((due, process))
            with suppress(psutil.NoSuchProcess):
                process.resume()
        if self._proxy and (everything or now >= self._network_until):
            self._proxy.stalled.clear()
            self._proxy.delay_s = self._proxy.corrupt = self._proxy.cut = 0.0

    def _disturb(self) -> None:
        assert self._proxy is not None
        kind = self._random.choice(["stall", "delay", "corrupt", "cut"])
        self._network_until = time.monotonic() + self._random.uniform(2.0, 9.0)
        if kind == "stall":
            self._proxy.stalled.set()
        elif kind == "delay":
            self._proxy.delay_s = 0.05
        elif kind == "corrupt":
            self._proxy.corrupt = 0.05
        else:
            self._proxy.cut_all()
        self.counts[f"network {kind}"] += 1


class Run:
    """A local run with separate ports and folder, and one more worker behind a proxy."""

    def __init__(self, folder: Path, arguments: list[str], through_proxy: bool, seed: int) -> None:
        self.folder = folder / "run"
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.server = ServerAddress(self.address, self.folder / "keys" / "client")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("A3C64_")}
        self._environment = {**clean, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
        ports = ["--bind", self.address, "--web-port", str(free_port()), "--tensorboard-port", str(free_port())]
        timing = ["--checkpoint-interval", str(CHECKPOINT_S), "--eval-interval", "8"]
        self._log = (folder / "log.txt").open("wb")
        self.process = self._start("train", "--run-dir", str(self.folder), *ports, *timing, *arguments)
        self.proxy = Proxy(self.address, seed) if through_proxy else None
        self._far: subprocess.Popen | None = None

    def tend(self) -> None:
        """Keep the worker behind the proxy running, as another machine's supervisor does."""
        if self.proxy and (self._far is None or self._far.poll() is not None):
            own = ["--server", self.proxy.address, "--run-dir", str(self.folder), "--compression", "4bit"]
            self._far = self._start("worker", *own)

    def end(self) -> list[str]:
        """Stop everything with Ctrl-C; return the promises that this breaks."""
        broken = []
        if self._far:
            self._far.send_signal(signal.SIGINT)
        self.process.send_signal(signal.SIGINT)
        left = [process for group in family(self.process.pid).values() for process in group]
        for name, process in (("train", self.process), ("worker", self._far)):
            if process is None:
                continue
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                broken.append(f"{name} did not end within {STOP_S:.0f} s of Ctrl-C")
                process.kill()
        if self.process.returncode != 0:
            broken.append(f"train ended with code {self.process.returncode}")
        _, alive = psutil.wait_procs(left, timeout=2.0)
        broken += [f"left running: {' '.join(process.cmdline())[:120]}" for process in alive if process.is_running()]
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self.proxy:
            self.proxy.close()
        self._log.close()
        return broken

    def evaluations(self) -> list[dict]:
        """Return the contents of evaluation.json; [] before the first evaluation."""
        with suppress(OSError, ValueError):
            return json.loads((self.folder / "evaluation.json").read_bytes())
        return []

    def _start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "a3c64", *arguments],
            cwd=self.folder.parent,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )


def observe(run: Run, result: Result, faults: Faults | None, until_solved: bool) -> None:
    """Watch a run until its time is over, and inject faults."""
    begun = time.monotonic()
    next_fault, marks, newest, heard = begun + EVERY_S, [(begun, 0)], (begun, 0), begun
    while (now := time.monotonic()) - begun < result.seconds and not (until_solved and result.solved_s):
        run.tend()
        if run.process.poll() is not None:
            result.broken.append(f"train ended by itself with code {run.process.returncode}")
            return
        if faults:
            faults.tend()
            if now >= next_fault:
                next_fault += EVERY_S
                faults.make(run.process.pid)
        if (report := fetch(run.server, 0.3)) is not None:
            now = time.monotonic()
            result.alive_s += min(now - heard, 2 * LOOK_S)
            if report.steps < newest[1]:  # the server has restarted from a checkpoint
                then = next((at for at, steps in reversed(marks) if steps <= report.steps), begun)
                result.rewound_s = max(result.rewound_s, newest[0] - then)
            newest = (now, report.steps)
            marks = [*marks[-400:], newest]
            result.steps, result.updates = report.steps, report.updates
        heard = time.monotonic()
        rates = [one["figures"].get("finished", 0.0) for one in run.evaluations()]
        if result.solved_s is None and max(rates, default=0.0) >= SOLVED:
            result.solved_s = round(time.monotonic() - begun, 1)
        time.sleep(LOOK_S)
    if faults:
        faults.tend(everything=True)


def leftovers(folder: Path) -> list[str]:
    """Start one more emulator, which removes old emulators' folders; return the folders that remain.

    A killed process may still be ending, and then its folder is in use. So this is tried several times.
    """
    again = "import gymnasium, n64gym; gymnasium.make('n64gym/OpenKart-v0').close()"
    for _ in range(ENDINGS):
        subprocess.run([sys.executable, "-c", again], env={**os.environ, "TMPDIR": str(folder)}, check=True, timeout=60)
        found = [f"left behind: {path.name}" for path in folder.glob("n64gym-*")]
        if not found:
            break
        time.sleep(LOOK_S)
    return found


def chaos(seconds: float, seed: int, arguments: list[str], quiet: bool = False, until_solved: bool = False) -> Result:
    """Run for `seconds` with faults. With `quiet`, run without faults, for comparison."""
    with tempfile.TemporaryDirectory(prefix="a3c64-chaos-") as name:
        run = Run(Path(name), arguments, not quiet, seed)
        result = Result(seed, seconds, {})
        faults = None if quiet else Faults(seed, run.proxy)
        try:
            observe(run, result, faults, until_solved)
        finally:
            if faults:
                faults.tend(everything=True)
                time.sleep(1.0)  # give resumed processes time to recover
            result.broken += run.end()
        result.broken += leftovers(Path(name))
        result.faults = dict(faults.counts) if faults else {}
        if not list(run.folder.glob("checkpoints/step_*")):
            result.broken.append("no checkpoint was written")
        if result.rewound_s > CHECKPOINT_S + EVERY_S + 5.0:
            result.broken.append(f"a restart lost {result.rewound_s:.0f} s of training")
        if result.broken:
            print((Path(name) / "log.txt").read_text(errors="replace")[-6000:], file=sys.stderr)
    return result


def main() -> int:
    """Run without faults until solved, then with faults for the whole time; print both results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip-quiet", action="store_true", help="no undisturbed run to compare with")
    options, arguments = parser.parse_known_args()
    arguments = arguments or ["--workers", "2", "--seed", str(options.seed)]
    quiet = None if options.skip_quiet else chaos(options.seconds, options.seed, arguments, True, True)
    disturbed = chaos(options.seconds, options.seed, arguments)
    ratio = disturbed.solved_s / quiet.solved_s if quiet and quiet.solved_s and disturbed.solved_s else None
    print(
        json.dumps({"undisturbed": quiet and asdict(quiet), "disturbed": asdict(disturbed), "ratio": ratio}, indent=1)
    )
    return 1 if disturbed.broken else 0


if __name__ == "__main__":
    sys.exit(main())
