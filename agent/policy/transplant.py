"""Begin a run with the weights of a policy: all of them, or those of the layers up to the heads."""

from collections.abc import Sequence

import numpy as np

from a3c64.config import BadInputError, flag
from a3c64.learning.parameters import ParameterSpec, named_views, signature, total_size
from a3c64.policy.policy_file import Policy
from a3c64.policy.resume import FIXED

HEADS = ("policy/", "value/")  # name prefixes of the parameters of both heads


def transplant(policy: Policy, specs: Sequence[ParameterSpec], weights: np.ndarray) -> str:
    """Copy a policy's weights into the first weights of a run, and return what was kept.

    With the same layers, all weights are kept. If only the actions differ, the heads keep their first weights.

    Args:
        policy: where the weights come from.
        specs: of the run's network.
        weights: of the run, float32 [N], changed in place.

    Raises:
        BadInputError: the layers up to the heads differ.
    """
    before, after = dict(named_views(policy.weights, policy.specs)), dict(named_views(weights, specs))
    trunk = [name for name in after if not name.startswith(HEADS)]
    for name in trunk:
        found = before[name].shape if name in before else "none"
        if found != after[name].shape:
            raise BadInputError(
                f"{flag('from_policy')}: the policy of {policy.hyperparameters.env_id} does not fit: {name} must have "
                f"shape {after[name].shape}, found {found}; the observations must have the same shape, and "
                f"{', '.join(map(flag, FIXED))} the policy's values"
            )
    whole = signature(policy.specs) == signature(specs)
    for name in after if whole else trunk:
        after[name][...] = before[name]
    source = f"a policy of {policy.hyperparameters.env_id} at step {policy.step:,}"
    return f"{source}: kept all its weights" if whole else f"{source}: kept its layers up to the heads, not the heads"


def check_fit(policy: Policy, specs: Sequence[ParameterSpec]) -> None:
    """Refuse a policy that does not fit a run.

    Raises:
        BadInputError: see `transplant`.
    """
    transplant(policy, specs, np.zeros(total_size(specs), np.float32))
