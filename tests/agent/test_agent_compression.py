"""Compressed gradients and weights: small, close, without lost errors, and never applied to other weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import connection, make_client, make_service, push

from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.learning.scaling import Moments, packed, unpacked
from a3c64.paramserver.weights import SharedWeights
from a3c64.wire import messages as wire
from a3c64.wire.client import StoppedError
from a3c64.wire.compression import BLOCK, LARGEST, ErrorFeedback, Packed
from a3c64.wire.transport import LocalTransport

LEARNED = 1000
SPECS = [ParameterSpec("w", (50, 20), 1.0), ParameterSpec("moments/vector", (5,), 0.0)]  # two observations
SIGNATURE = signature(SPECS)
GENERATOR = np.random.default_rng(0)


class Line(LocalTransport):
    """Remembers the newest frames of both sides, and can alter the next answer, or stop its client with it."""

    alter = False
    stop = None

    def send(self, frames):
        self.sent = [bytes(frame) for frame in frames]
        super().send(frames)

    def receive(self, timeout_s):
        frames = super().receive(timeout_s)
        if frames is not None:
            self.received = [bytes(frame) for frame in frames]
            if self.alter:
                self.alter, altered = False, bytearray(frames[-1])
                altered[len(altered) // 2] ^= 1
                frames = [*frames[:-1], memoryview(altered)]
            if self.stop:
                self.stop.set()
        return frames


def joined(service, name="a"):
    """A client that compresses, after two exchanges: from then on it gets differences."""
    client = make_client(service, name, transport=Line, compress=True)
    client.hello()
    update = client.join(SPECS)
    return client, push(client, update.version, gradient(), signature=SIGNATURE)


def gradient(scale=1e-4):
    seen = packed(Moments(20.0, np.array([0.1, 123.456]), np.array([1.0, 2.0])))
    return np.concatenate((GENERATOR.normal(0, scale, LEARNED), seen)).astype(np.float32)


def held(service, client):
    return service.roster.speaker(connection(client)).held


@settings(max_examples=100, deadline=None)
@given(
    numbers=st.lists(st.floats(-(2.0**60), 2.0**60, width=32), max_size=3 * BLOCK),
    exact=st.lists(st.floats(width=32), max_size=5),
)
def test_a_packed_vector_is_close_and_its_end_exact(numbers, exact):
    vector, count = np.array([*numbers, *exact], np.float32), len(numbers)
    sent = Packed.of(vector, count)
    got = Packed.read(sent.frame(), count).numbers()
    np.testing.assert_array_equal(got, sent.numbers())
    np.testing.assert_array_equal(got[count:], vector[count:])
    for begin in range(0, count, BLOCK):
        block = slice(begin, min(begin + BLOCK, count))
        step = np.abs(vector[block]).max() / LARGEST
        assert np.abs(got[block] - vector[block]).max() <= 0.501 * step + 1e-29


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_a_number_that_is_not_finite_is_refused_and_spoils_no_later_gradient(bad):
    service = make_service()
    client, update = joined(service)
    spoilt = gradient()
    spoilt[3] = bad
    refused = push(client, update.version, spoilt, signature=SIGNATURE)
    assert not refused.accepted
    assert service.metrics.refused["not finite"] == 1
    assert push(client, refused.version, gradient(), signature=SIGNATURE).accepted


def test_rounding_errors_are_made_up_for_and_no_gradient_is_too_long():
    feedback = ErrorFeedback(LEARNED, most=1.0)
    given = [gradient(0.03) for _ in range(50)]  # norms of 0.95
    sent = [feedback.pack(one).numbers() for one in given]
    assert max(np.linalg.norm(one[:LEARNED]) for one in sent) <= 1.0 + 1e-5
    for one, other in zip(given, sent, strict=True):
        np.testing.assert_array_equal(one[LEARNED:], other[LEARNED:])
    missing = np.sum(given, axis=0)[:LEARNED] - np.sum(sent, axis=0)[:LEARNED]
    alone = Packed.of(given[0], LEARNED).numbers()[:LEARNED] - given[0][:LEARNED]
    assert np.linalg.norm(missing) < 3 * np.linalg.norm(alone), "the errors of 50 gradients do not add up"
    feedback = ErrorFeedback(LEARNED, most=1.0)
    for _ in range(20):
        sent = feedback.pack(np.full(LEARNED, 2.0 / np.sqrt(LEARNED), np.float32)).numbers()
        assert np.linalg.norm(sent) == pytest.approx(1.0, rel=1e-4), "what clipping takes away is not sent later"


def test_exchanges_are_small_and_both_sides_know_the_same_weights():
    service = make_service(normalise_observations=True)
    client, update = joined(service)
    plain = make_client(service, "b")
    plain.hello()
    theirs = plain.join(SPECS)
    line = client._transport
    for _ in range(5):
        theirs = push(plain, theirs.version, gradient(), signature=SIGNATURE)
        before, update = update, push(client, update.version, gradient(), signature=SIGNATURE)
        assert update.accepted
        size = LEARNED * (0.5 + 4 / BLOCK)
        assert [len(line.sent[1]), len(line.received[1])] == pytest.approx([size, size], rel=0.1)
        np.testing.assert_array_equal(held(service, client).weights, update.weights)
        now, largest = service.weights.vector, np.abs(update.weights - before.weights).max()
        np.testing.assert_array_equal(update.weights[LEARNED:], now[LEARNED:])
        assert np.abs(update.weights - now).max() <= largest / 10
    newest = client.refresh()  # without a change, the difference is the error of the one before
    assert np.abs(newest.weights - now).max() < np.abs(update.weights - now).max() / 10
    moments = unpacked(newest.weights[LEARNED:])
    assert moments.size == service.weights.version * 20, "moments count observations exactly"


def test_a_client_gets_the_whole_weights_when_a_difference_could_be_wrong():
    service = make_service()
    client, update = joined(service)
    line = client._transport

    def is_whole(update):
        return np.array_equal(update.weights, service.weights.vector) and len(line.received[1]) > 4 * LEARNED

    assert is_whole(update), "the first answer to a push"
    update = push(client, update.version, gradient(), signature=SIGNATURE)
    assert not is_whole(update)
    line.alter = True
    update = push(client, update.version, gradient(), signature=SIGNATURE)
    assert not update.accepted
    assert is_whole(update), "after a lost answer"
    assert not is_whole(push(client, update.version, gradient(), signature=SIGNATURE))

    best = service.snapshot()
    best = best._replace(weights=best.weights + 1.0)
    assert service.guard.go_back(best)
    update = push(client, service.weights.version - 1, gradient(), signature=SIGNATURE)
    assert not update.accepted
    assert is_whole(update), "after a return to the best weights"

    restarted = make_service()
    restarted.weights = SharedWeights(restarted.weights.hyperparameters, service.snapshot())
    line._handler = restarted.handle
    update = push(client, update.version, gradient(), signature=SIGNATURE)
    assert not update.accepted
    assert np.array_equal(update.weights, restarted.weights.vector), "from a restarted server"
    update = push(client, update.version, gradient(), signature=SIGNATURE)
    assert update.accepted
    np.testing.assert_array_equal(held(restarted, client).weights, update.weights)


def test_a_difference_that_fits_no_weights_is_not_applied():
    service = make_service()
    client, update = joined(service)
    difference = Packed.of(np.ones(40, np.float32), 40)
    body = wire.Weights(SIGNATURE, 9, 9, accepted=True, finished=False, packed=40)
    line = client._transport
    line._handler = lambda connection, frames: wire.encode(wire.decode(frames).sequence, body, difference)
    line.stop = client._stop
    with pytest.raises(StoppedError):
        push(client, update.version, gradient(), signature=SIGNATURE)
    assert client.newest is update


def test_a_compressed_gradient_of_another_size_is_refused():
    service = make_service()
    client, update = joined(service)
    for size in (1, LEARNED - 1, 2 * LEARNED):
        body = wire.Push(SIGNATURE, update.version, 20, {}, [], packed=size)
        frames = wire.encode(1000 + size, body, Packed.of(np.zeros(size, np.float32), size))
        answer = wire.decode(service.handle(connection(client), frames))
        assert isinstance(answer.body, wire.Refused)
        assert "numbers" in answer.body.reason
