"""The weights that each compressing client holds, as the server computes them, and the difference to the newest."""

from typing import NamedTuple

import numpy as np

from a3c64.paramserver.weights import SharedWeights
from a3c64.wire.compression import Packed, patched


class Held(NamedTuple):
    """The weights in the server's newest answer to one client."""

    sequence: int  # of the request that was answered
    signature: str  # of the model
    version: int
    weights: np.ndarray  # float32 [N], equal to the client's bit for bit


def answer(
    held: Held | None, base: int, sequence: int, weights: SharedWeights, since: int
) -> tuple[Held, Packed | None]:
    """Return what a client holds after an answer, and the difference to answer with; None = answer with the weights.

    The answer is the whole weights if the client names another answer as its base, because the newest one was lost, or
    if the model has changed, or after a return to the best weights: such a difference is large, and so are its errors.

    Args:
        held: what the client holds if it has got the newest answer.
        base: sequence number of the request whose answer the client has got.
        sequence: of the present request.
        weights: the newest ones.
        since: version of the weights right after the last return to the best ones.
    """
    count, now = weights.learned_size, weights.vector
    difference = None
    if held is None or held.sequence != base or held.signature != weights.signature or held.version < since:
        after = now.copy()
    else:
        change = now - held.weights
        change[count:] = now[count:]
        difference = Packed.of(change, count)
        after = patched(held.weights, difference.numbers(), count)
    return Held(sequence, weights.signature, weights.version, after), difference
