"""A server and its clients in one process, with the worker's client and the real message encoding."""

import threading

import numpy as np

from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.wire import messages as wire
from a3c64.wire.client import Client
from a3c64.wire.report import ServerReport
from a3c64.wire.transport import LocalTransport

SPECS = [ParameterSpec("w", (3, 2), 1.0), ParameterSpec("b", (2,), 0.0)]
SIGNATURE = signature(SPECS)
ONES = np.ones(8, np.float32)
ROLLOUT = {"t_max": 5, "envs_per_worker": 4}  # so that a rollout has 20 steps


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make_service(**hyperparameters):
    return Service(SharedWeights(Hyperparameters(**(ROLLOUT | hyperparameters)), None), "run", ServerReport(), Clock())


def make_client(service, name="a", kind=Client, transport=LocalTransport, compress=False):
    return kind(transport(service.handle), name, name, threading.Event(), compress=compress)


def push(client, version, gradient=None, **changes):
    gradient = ONES if gradient is None else gradient
    given = {"signature": SIGNATURE, "version": version, "steps": 20, "statistics": {}, "episodes": []} | changes
    return client.push(gradient, **given)


def connection(client):
    """The routing id by which the server knows a client's connection."""
    return client._transport.connection


def refusal(service, connection, frames):
    answer = wire.decode([bytes(frame) for frame in service.handle(connection, frames)])
    assert isinstance(answer.body, wire.Refused)
    return answer.body
