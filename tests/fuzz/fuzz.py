"""Give damaged files to every reader until the time is over (`make fuzz MINUTES=60`). A failure ends it with its file.

python tests/fuzz/fuzz.py --minutes 60
"""

import argparse
import logging
import random
import time
from collections import Counter

from readers import READERS, attack

EXAMPLES = 200  # of a reader at a time


def main() -> None:
    """Fuzz, and print the count of examples of each reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    logging.disable()
    counts = {reader.name: Counter() for reader in READERS}
    end, number = time.monotonic() + 60 * arguments.minutes, arguments.seed
    print(f"seed {number}", flush=True)
    while time.monotonic() < end:
        for reader in READERS:
            counts[reader.name] += attack(reader, EXAMPLES // reader.cost, number)
        number += 1
    for name, count in counts.items():
        print(f"{name:<16} {count['accepted']:>8} accepted {count['refused']:>8} refused")


if __name__ == "__main__":
    main()
