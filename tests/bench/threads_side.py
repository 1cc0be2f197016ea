"""Runs many real workers as threads of one process, for bench_staleness.py. With N workers, a gradient's staleness is
about N.

python tests/bench/threads_side.py URL KEY_FILE WORKERS ends with the run or on SIGTERM. The worker's loop,
environments, model and socket are those of a3c64. The workers share a process so that TensorFlow is loaded only once.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path

from a3c64.processes import limit_threads, pin_tensorflow, stop_on_signals
from a3c64.wire.address import ServerAddress
from a3c64.wire.client import Client, StoppedError, connect

STOP_S = 5.0


def main() -> None:
    address, count = ServerAddress(sys.argv[1], Path(sys.argv[2])), int(sys.argv[3])
    limit_threads()
    stop = stop_on_signals()
    pin_tensorflow()
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # TensorFlow warns about many models in one process
    from a3c64.envs.batch import EnvironmentBatch
    from a3c64.worker.loop import train

    def work(number: int) -> None:
        client, heartbeat = connect(Client, address, f"thread {number}", stop)
        with suppress(StoppedError):
            hyperparameters = client.hello()
            heartbeat.start()
            train(EnvironmentBatch.make(hyperparameters, client.index), client, hyperparameters, stop, lambda _: None)
        heartbeat.stop()
        client.close()

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
