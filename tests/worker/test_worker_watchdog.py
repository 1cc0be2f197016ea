"""A worker that hangs is ended and replaced; a slow one, or one that waits for the server, is not."""

import signal
import threading
import time

import psutil
from live import until

from a3c64.worker.watchdog import EXIT_HANGS, MAKINGS, Signs, Watchdog

LEAST_S = 0.3


class Watched:
    """A watchdog with a short limit, and signs of progress that the test sets."""

    def __init__(self, least_s=LEAST_S):
        self.signs, self.reasons = Signs(), []
        self.watchdog = Watchdog(self.signs, least_s, self.reasons.append)
        self.watchdog.start()

    def work(self, seconds, every, sign="steps"):
        """Count one sign of progress `every` seconds; five steps make a gradient."""
        end = time.monotonic() + seconds
        count = 0
        while time.monotonic() < end and not self.reasons:
            time.sleep(every)
            count += 1
            setattr(self.signs, sign, getattr(self.signs, sign) + 1)
            if sign == "steps" and count % 5 == 0:
                self.signs.gradients += 1


def test_work_waiting_and_a_slow_start_do_not_count_as_a_hang():
    watched = Watched()
    time.sleep(2 * LEAST_S)  # before the first gradient, the limit is TIMES LEAST_S
    watched.work(1.0, 0.02)
    watched.work(3 * LEAST_S, 0.1, "waits")
    watched.work(0.2, 0.02)
    watched.watchdog.close()
    assert not watched.reasons


def test_a_hang_is_ended_after_its_limit():
    watched = Watched()
    watched.work(0.5, 0.01)
    assert watched.watchdog.limit_s < 2.5
    begin = time.monotonic()
    until(lambda: watched.reasons, 60, "the hang is found")
    assert time.monotonic() - begin >= LEAST_S
    assert "A3C64_HANG_TIMEOUT 0.3" in watched.reasons[0]


def test_a_slow_environment_raises_the_limit():
    watched = Watched()
    watched.work(2.0, 0.08)  # 0.4 s a gradient
    assert watched.watchdog.limit_s > 2.0
    time.sleep(1.0)  # a long reset
    watched.work(0.3, 0.08)
    watched.watchdog.made(1.0)
    assert watched.watchdog.limit_s == MAKINGS * 1.0, "a reset may take as long as making the environments did"
    watched.watchdog.close()
    assert not watched.reasons


def test_a_timeout_of_zero_disables_the_watchdog():
    watched = Watched(0.0)
    watched.work(0.2, 0.01)
    watched.watchdog.close()
    assert not watched.reasons
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}


def test_a_worker_that_hangs_is_replaced_and_keeps_its_index(stack):
    """Its environment blocks for ever at step 300; its heartbeat goes on."""
    arguments = {"env_id": "hanging_env:Hanging-v0", "env_args": f'{{"flag": "{stack.folder / "hung"}"}}'}
    local = stack.start("a3c64", "train", "--workers", "1", hang_timeout=2.0, eval_interval=0, **arguments)
    until(lambda: (stack.folder / "hung").exists(), 60, "the hang")
    report = stack.wait_for(
        lambda r: any(w.restarts == 1 and w.steps > 0 for w in r.workers), 90, "a replacement at work"
    )
    assert [(worker.index, worker.restarts) for worker in report.workers] == [(0, 1)]
    said = stack.log(local)
    assert f"ended with code {EXIT_HANGS}" in said
    assert "hanging_env.py" in said, "the stack shows where it hangs"
    assert "the training thread has taken no step for" in said
    descendants = psutil.Process(local.pid).children(recursive=True)
    local.send_signal(signal.SIGINT)
    assert local.wait(60) == 0
    assert not [one for one in descendants if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
