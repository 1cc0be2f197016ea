"""Give damaged files to every reader until the time is over (`make fuzz MINUTES=60`). A failure ends it with its files.

    python tests/fuzz/fuzz.py --minutes 60
    python tests/fuzz/fuzz.py --minutes 5 --reader "policy file"

If atheris is installed, it changes the bytes of random examples. It observes which lines the readers execute, and keeps
the examples that reach other lines. Without it, all examples are drawn at random.
"""

import argparse
import contextlib
import importlib.util
import io
import logging
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

EXAMPLES = 200  # of a reader at a time
SEEDS = 400  # random examples with which atheris begins
SEAM = b"\n--8<--\n"  # between the files of an example that has several
sys.path[:0] = [str(Path(__file__).parents[1] / "agent")]  # in_process.py


def main() -> int:
    """Fuzz, and print the count of examples of each reader; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="for all readers together")
    parser.add_argument("--reader", help="fuzz only this reader")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--random", action="store_true", help="draw examples at random, although atheris is installed")
    arguments = parser.parse_args()
    logging.disable()
    seconds = 60 * arguments.minutes
    guide = not arguments.random and importlib.util.find_spec("atheris") is not None
    if arguments.reader is None:
        return fuzz_all(seconds, arguments.seed, guide)
    (guided if guide else at_random)(arguments.reader, seconds, arguments.seed)
    return 0


def fuzz_all(seconds: float, seed: int, guide: bool) -> int:
    """Fuzz one reader after the other, each in a process of its own."""
    from readers import READERS

    print(f"seed {seed}, {'guided by atheris' if guide else 'random'}", flush=True)
    share = seconds / 60 / len(READERS)
    for reader in READERS:
        command = [sys.executable, __file__, "--reader", reader.name, "--minutes", str(share), "--seed", str(seed)]
        if code := subprocess.run([*command, *([] if guide else ["--random"])], check=False).returncode:
            print(f"{reader.name} failed; to repeat: {shlex.join(command)}")
            return code
    return 0


def at_random(name: str, seconds: float, seed: int) -> None:
    """Draw examples of a reader at random."""
    from readers import READERS, attack

    (reader,) = (one for one in READERS if one.name == name)
    counts: Counter = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        counts += attack(reader, EXAMPLES // reader.cost, seed)
        seed += 1
    print(said(name, counts), flush=True)


def guided(name: str, seconds: float, seed: int) -> None:
    """Let atheris change random examples, and keep those that reach other lines. This ends the process."""
    import atheris

    quiet = contextlib.redirect_stderr(io.StringIO())  # a line for each module
    with atheris.instrument_imports(include=["a3c64", "n64gym"]), quiet:
        from readers import READERS, check, drawn

    (reader,) = (one for one in READERS if one.name == name)
    examples = drawn(reader, SEEDS // reader.cost, seed)
    names = sorted({path for files in examples for path in files})
    changing = [path for path in names if len({files.get(path) for files in examples}) > 1]
    same = {path: data for path, data in examples[0].items() if path not in changing}
    counts: Counter = Counter()
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as files, tempfile.TemporaryDirectory() as corpus:
        for number, example in enumerate(examples):
            Path(corpus, str(number)).write_bytes(SEAM.join(example[path] for path in changing if path in example))

        def once(data: bytes) -> None:
            try:
                check(reader, Path(files), same | dict(zip(changing, data.split(SEAM), strict=False)), counts)
            except BaseException as error:
                print("\n".join(getattr(error, "__notes__", [])), flush=True)  # atheris does not print them
                raise
            if time.monotonic() > end:
                print(said(name, counts), flush=True)
                os._exit(0)  # libFuzzer has no other way to end after a time with exit code 0

        longest = 2 * max(sum(map(len, example.values())) for example in examples)
        options = [f"-seed={seed or 1}", f"-max_len={longest}", "-len_control=0", "-verbosity=0", "-timeout=300"]
        atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={corpus}/", "-rss_limit_mb=0", corpus], once)
        atheris.Fuzz()


def said(name: str, counts: Counter) -> str:
    """Return the counts of a reader as a line."""
    return f"{name:<20} {counts['accepted']:>8} accepted {counts['refused']:>8} refused"


if __name__ == "__main__":
    sys.exit(main())
