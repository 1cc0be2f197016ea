"""With --deterministic, two runs end with bit-identical weights, also if they are evaluated at different times."""

import json
from pathlib import Path

import pytest
from in_process import make_client, make_service

from a3c64.wire.client import RefusedError

FILES = ("weights.safetensors", "optimiser.safetensors")


def checkpoint_of(stack, name: str, **settings) -> Path:
    """Train a new run; return its last checkpoint."""
    stack.run_dir = stack.folder / name
    command = ["a3c64", "train", "--deterministic", "--workers", "1"]
    result = stack.run(*command, timeout_s=120, **settings)
    assert result.returncode == 0, result.stderr
    folder = stack.run_dir / "checkpoints"
    return folder / (folder / "latest").read_text().strip()


@pytest.mark.parametrize(
    "settings",
    [
        {"total_timesteps": 1_000, "learning_rate_schedule": "linear"},
        {"total_timesteps": 400, "env_id": "n64gym/OpenKart-v0", "envs_per_worker": 2, "eval_interval": 0},
    ],
    ids=["tiny", "openkart"],
)
def test_two_deterministic_runs_end_with_the_same_weights(stack, settings):
    one = checkpoint_of(stack, "one", **settings)
    # Evaluations do not change the training, neither during it nor at its end.
    other = checkpoint_of(stack, "other", **({"eval_interval": 0.5} | settings))
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes()
    states = [json.loads((path / "state.json").read_text()) for path in (one, other)]
    assert states[0]["step"] == settings["total_timesteps"]
    for state in states:
        del state["seconds"], state["hyperparameters"]["eval_interval"]
    assert states[0] == states[1]


def test_another_seed_gives_other_weights(stack):
    one, other = (checkpoint_of(stack, f"{seed}", seed=seed, total_timesteps=200, eval_interval=0) for seed in (1, 2))
    assert (one / FILES[0]).read_bytes() != (other / FILES[0]).read_bytes()


def test_several_workers_are_refused(stack):
    result = stack.run("a3c64", "train", "--deterministic", "--workers", "2")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "--workers: found 2, expected 1 with --deterministic" in result.stderr
    service = make_service(deterministic=True)
    first = make_client(service, "a")
    first.hello()
    first.hello()  # again, as after a lost answer
    with pytest.raises(RefusedError, match="one worker"):
        make_client(service, "b").hello()
    first.close()
    make_client(service, "b").hello()
