"""The message format: valid messages arrive unchanged, and all others are refused."""

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3c64.envs.episode import Episode
from a3c64.learning.parameters import ParameterSpec
from a3c64.wire import messages as wire
from a3c64.wire.compression import Packed

BODIES = [
    wire.Hello("c1", "host:1", -1, wire.WORKER, 5901),
    wire.Welcome(3, "default", {"discount": 0.99}),
    wire.Join([["w", [2, 3], 1.0]], [["won", "won", "", "rate", True]]),
    wire.Push("abc", 7, 160, {"entropy": 2.0}, [[1.5, 20, {"laps": 1.0}]]),
    wire.Weights("abc", 8, 320, True, False),
    wire.Pull(),
    wire.Score("abc", 7, 300, [[1.5, 20, {"laps": 1.0}]]),
    wire.Noted(True),
    wire.Sample([1, 2, 3], b"abcdef"),
    wire.Beat("c1", "loading TensorFlow"),
    wire.Bye(),
    wire.Ask(),
    wire.Report({"steps": 1}),
    wire.Refused("hello", "who are you?"),
]
GRADIENT = BODIES[3]
PACKED = GRADIENT._replace(packed=190)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_message_arrives_unchanged(body):
    vector = np.arange(5, dtype=np.float32) if isinstance(body, wire.CARRIES_VECTOR) else None
    message = wire.decode([bytes(frame) for frame in wire.encode(4, body, vector)])
    assert message.sequence == 4
    assert message.body == body
    assert (message.vector is None) == (vector is None)
    if vector is not None:
        np.testing.assert_array_equal(message.vector, vector)


def test_vectors_are_not_copied():
    vector = np.arange(100_000, dtype=np.float32)
    frames = wire.encode(1, BODIES[4], vector)
    assert np.shares_memory(np.frombuffer(frames[1], np.float32), vector)
    assert np.shares_memory(wire.decode(frames).vector, vector)


def sealed(header, *vector):
    """The frames of a message with a correct checksum."""
    return [wire.sealed(msgpack.packb(header), *vector), *vector]


header = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(st.text(max_size=8), children, max_size=5),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(frames=st.lists(st.binary(max_size=200), max_size=4))
def test_random_bytes_are_refused(frames):
    with pytest.raises(wire.WireError):
        wire.decode(frames)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(sorted(wire.KINDS)), sequence=header, fields=header, vector=st.none() | st.binary(max_size=20)
)
def test_a_message_with_random_fields_is_refused_or_valid(kind, sequence, fields, vector):
    frames = sealed([wire.PROTOCOL, kind, sequence, fields], *([] if vector is None else [vector]))
    try:
        message = wire.decode(frames)
    except wire.WireError:
        return
    assert isinstance(message.sequence, int)
    assert type(message.body) is wire.KINDS[kind]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_field_of_the_wrong_type_is_refused(data):
    """A valid message with any value in one field is refused, unless the value has the field's type."""
    body = data.draw(st.sampled_from([body for body in BODIES if body._fields]))
    name = data.draw(st.sampled_from(body._fields))
    value = data.draw(header)
    vector = [b"\0" * 8] if isinstance(body, wire.CARRIES_VECTOR) else []
    frames = sealed([wire.PROTOCOL, type(body).__name__.lower(), 1, body._asdict() | {name: value}], *vector)
    is_packed = name == "packed" and value  # but the 8 bytes are float32
    if type(value) is type(getattr(body, name)) and not is_packed:
        assert repr(getattr(wire.decode(frames).body, name)) == repr(value)  # as text, because NaN != NaN
    else:
        with pytest.raises(wire.WireError, match=name):
            wire.decode(frames)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "1 or 2 frames, found 0"),
        ([b"x" * (wire.MAX_HEADER + 1)], "header must have at most"),
        ([msgpack.packb([3, "ask", 1, {}])], f"protocol version 3, expected {wire.PROTOCOL}"),  # without a checksum
        (sealed([wire.PROTOCOL + 1, "ask", 1, {}]), f"protocol version {wire.PROTOCOL + 1}, expected {wire.PROTOCOL}"),
        ([msgpack.packb([wire.PROTOCOL, "ask", 1, {}])], "checksum"),
        (sealed([wire.PROTOCOL, "ask", -1, {}]), "sequence must be an integer >= 0, found -1"),
        (sealed([wire.PROTOCOL, "ask", True, {}]), "sequence"),
        (sealed([wire.PROTOCOL, "sudo", 1, {}]), "the kind must be one of .*, found 'sudo'"),
        (sealed([wire.PROTOCOL, "ask", 1, {"more": 1}]), "exactly the fields .*, found .'more'"),
        (sealed([wire.PROTOCOL, "ask", 1, {}], b"\0\0\0\0"), "ask must not have a vector"),
        (wire.encode(1, BODIES[4]), "weights must have a vector, found none"),
        (sealed([wire.PROTOCOL, "weights", 1, BODIES[4]._asdict()], b"123"), "multiple of 4"),
        (sealed([wire.PROTOCOL, "push", 1, PACKED._asdict()], b"123"), "190 packed numbers must have 108 bytes"),
        (sealed([wire.PROTOCOL, "push", 1, PACKED._replace(packed=-1)._asdict()], b"1234"), "packed must be 0 to"),
        (sealed([wire.PROTOCOL, "push", 1, PACKED._replace(packed=2**62)._asdict()], b"1234"), "packed must be 0 to"),
        ([wire.sealed(b"\x91" * 100_000)], "must be msgpack"),
    ],
)
def test_errors_give_a_reason(frames, reason):
    with pytest.raises(wire.WireError, match=reason):
        wire.decode(frames)


def test_deeply_nested_values_are_refused():
    """Python's repr raises RecursionError for them, which a server would log as an error in its code."""
    packed = b"\x91" * 1000 + b"\xc0"  # 1000 nested lists
    deep = msgpack.unpackb(packed)
    with pytest.raises(wire.WireError, match="sequence must be an integer >= 0, found"):
        wire.decode([wire.sealed(b"\x94" + msgpack.packb(wire.PROTOCOL) + msgpack.packb("ask") + packed + b"\x80")])
    with pytest.raises(wire.WireError, match="a finite value, found"):
        wire.unpack_numbers({"x": deep})
    with pytest.raises(wire.WireError, match="name must be a text"):
        wire.unpack_figures([[deep, "won", "", "rate", True]])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), compressed=st.booleans())
def test_an_altered_message_fails_its_checksum(data, compressed):
    """Any byte may change: in the header, the checksum or the vector. Up to twenty change."""
    vector = np.arange(200, dtype=np.float32)
    message = wire.encode(1, PACKED, Packed.of(vector, 190)) if compressed else wire.encode(1, GRADIENT, vector)
    frames = [bytearray(frame) for frame in message]
    for frame in data.draw(st.lists(st.sampled_from(frames), min_size=1, max_size=20)):
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    if frames != [bytes(frame) for frame in message]:
        with pytest.raises(wire.DamagedError, match="checksum"):
            wire.decode([bytes(frame) for frame in frames])


def test_vectors_with_large_or_infinite_numbers_are_not_finite():
    assert wire.finite(np.ones(10, np.float32))
    for bad in (np.nan, np.inf, -np.inf, 3e38):
        vector = np.ones(10, np.float32)
        vector[3] = bad
        assert not wire.finite(vector)


def test_episodes_are_encoded_and_checked():
    episodes = [Episode(1.0, 2, {"laps": 3.0})]
    assert wire.unpack_episodes(wire.pack_episodes(episodes)) == episodes
    assert len(wire.pack_episodes(episodes * 1000)) == wire.MAX_EPISODES
    for bad in (
        [1],
        [[1.0, 2]],
        [[float("nan"), 2, {}]],
        [[1.0, 2.5, {}]],
        [[1.0, 2, {"x": "y"}]],
        [[1.0, 2, 3]],
        [[]] * 999,
    ):
        with pytest.raises(wire.WireError):
            wire.unpack_episodes(bad)


def test_samples_are_decoded_and_checked():
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(wire.unpack_sample(wire.Sample([2, 4, 3], picture.tobytes())), picture)
    for shape, size in (
        ([2, 4], 8),
        ([2, 4, 2], 16),
        ([2, 4, 3], 23),
        ([0, 4, 3], 0),
        ([-2, -4, 3], 24),
        ([2.0, 4, 3], 24),
        ([2**40, 2**40, 3], 24),
        ([1 << 10, 1 << 10, 1], 1 << 20),
    ):
        with pytest.raises(wire.WireError, match="sample"):
            wire.unpack_sample(wire.Sample(shape, bytes(size)))


def test_parameter_specs_are_decoded_and_checked():
    assert wire.unpack_specs([["w", [2, 3], 1.0]]) == [ParameterSpec("w", (2, 3), 1.0)]
    for bad in (
        [],
        [["w", [2, 3]]],
        [["w", [], 1.0]],
        [["w", [0], 1.0]],
        [["w", [-1, -1], 1.0]],
        [["w", [2**40], 1.0]],
        [["w", [2], float("inf")]],
        [["", [2], 1.0]],
        [["w", [2], 1.0], ["w", [2], 1.0]],
    ):
        with pytest.raises(wire.WireError):
            wire.unpack_specs(bad)
