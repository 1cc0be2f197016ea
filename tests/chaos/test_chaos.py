"""A short version of `make chaos`: a real run continues while its processes are killed and stopped."""

from chaos import EVERY_S, chaos


def test_a_run_continues_while_its_processes_are_killed_and_stopped():
    arguments = ["--workers", "2", "--seed", "7"]
    result = chaos(seconds=60.0, seed=7, arguments=arguments)
    assert not result.broken
    assert sum(result.faults.values()) >= 60 / EVERY_S / 2, result.faults
    assert result.steps > 0
    assert result.updates > 0
