"""`--from-policy`: a new run begins with the weights of a policy, or is refused in one line."""

import json

import numpy as np
import pytest
from onnx_policies import exported

from a3c64.config import BadInputError
from a3c64.envs.actions import Categorical, DiagonalGaussian
from a3c64.envs.spaces import Shape
from a3c64.learning.network import design
from a3c64.learning.parameters import initialise, named_views
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy import checkpoint
from a3c64.policy.transplant import transplant

VECTOR = Shape((0, 0, 0), 4)


@pytest.fixture
def policy(tmp_path):
    """A policy of CartPole whose observations are scaled."""
    return exported("vector", tmp_path)[1].policy


def specs_for(policy, shape=VECTOR, family=Categorical(2), **changes):  # noqa: B008
    return design(shape, family, policy.hyperparameters.model_copy(update=changes)).specs


def test_the_same_network_keeps_all_weights(policy):
    specs = specs_for(policy)
    weights = initialise(specs, seed=1)
    assert transplant(policy, specs, weights) == "a policy of CartPole-v1 at step 7: kept all its weights"
    np.testing.assert_array_equal(weights, policy.weights)


@pytest.mark.parametrize("family", [Categorical(3), DiagonalGaussian(-np.ones(2), np.ones(2))])
def test_other_actions_keep_the_layers_up_to_the_heads(policy, family):
    specs = specs_for(policy, family=family)
    fresh = initialise(specs, seed=1)
    weights = fresh.copy()
    assert transplant(policy, specs, weights).endswith("kept its layers up to the heads, not the heads")
    before, new = dict(named_views(policy.weights, policy.specs)), dict(named_views(fresh, specs))
    for name, found in named_views(weights, specs):
        head = name.startswith(("policy/", "value/"))
        np.testing.assert_array_equal(found, new[name] if head else before[name], name)
    assert "moments/mean" in before


@pytest.mark.parametrize(
    ("shape", "changes", "said"),
    [
        (Shape((0, 0, 0), 5), {}, "dense0/kernel must have shape (5, 64), found (4, 64)"),
        (VECTOR, {"lstm_size": 8}, "lstm/kernel must have shape (64, 32), found none"),
        (Shape((42, 42, 1), 4), {}, "conv0/kernel must have shape (4, 4, 1, 16), found none"),
    ],
)
def test_other_layers_are_refused(policy, shape, changes, said):
    specs = specs_for(policy, shape, **changes)
    weights = initialise(specs, seed=1)
    with pytest.raises(BadInputError) as error:
        transplant(policy, specs, weights)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    np.testing.assert_array_equal(weights, initialise(specs, seed=1))


def test_the_server_begins_with_the_policy_or_says_that_it_does_not_fit(policy, caplog):
    shared = SharedWeights(policy.hyperparameters, None, policy)
    shared.begin(specs_for(policy))
    np.testing.assert_array_equal(shared.vector, policy.weights)
    assert (shared.step, shared.version) == (0, 0)
    shared.begin(specs := specs_for(policy, Shape((0, 0, 0), 5)))
    np.testing.assert_array_equal(shared.vector, initialise(specs, policy.hyperparameters.seed))
    assert "The run begins with random weights" in caplog.text


@pytest.mark.timeout(600)
def test_train_begins_with_a_policys_weights_and_its_network(stack):
    _, fitted = exported("continuous", stack.folder)  # with a stack of frames and an LSTM
    file = stack.folder / "continuous.safetensors"
    new = ["a3c64", "train", "--from-policy", str(file), "--workers", "1", "--learning-rate", "1e-12"]
    unset = {"lstm_size": "", "envs_per_worker": 1, "eval_interval": 0}
    refused = stack.run(*new, env_id="CartPole-v1", timeout_s=240, **unset)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), refused.stderr
    assert "--from-policy: the policy of Pendulum-v1 does not fit: dense0/kernel must have shape" in refused.stderr
    assert not stack.run_dir.exists()
    trained = stack.run(*new, env_id="Pendulum-v1", total_timesteps=50, timeout_s=240, **unset)
    assert trained.returncode == 0, trained.stderr
    assert "a policy of Pendulum-v1 at step 7: kept all its weights" in trained.stdout
    config = json.loads((stack.run_dir / "config.json").read_text())
    assert (config["lstm_size"], config["frame_stack"]) == (16, 3)
    newest = checkpoint.newest(stack.run_dir / "checkpoints")
    assert 50 <= newest.step < 1000
    np.testing.assert_allclose(newest.weights, fitted.policy.weights, rtol=1e-4, atol=1e-6)
