"""The messages between worker and parameter server: a msgpack header, then little-endian float32 or packed numbers.

A message has one or two frames. The first is `[version, kind, sequence, {field: value}]` in msgpack, followed by a
checksum of the whole message. Messages that carry weights or a gradient have a second frame with these numbers. Those
with a field `packed` may have them in the form of agent/wire/compression.py.
This module checks the form of messages that arrive; the server checks their meaning.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args, get_type_hints

import msgpack
import numpy as np
from isal import isal_zlib

from a3c64.envs.episode import LARGEST, MAX_LENGTH, MAX_METRICS, MAX_NAME, Episode
from a3c64.envs.figures import Figure, Figures, checked
from a3c64.learning.parameters import MAX_PARAMETERS, ParameterSpec
from a3c64.output import short
from a3c64.wire.compression import Packed

PROTOCOL = 7
CHECKSUM = 4  # bytes: CRC-32, little-endian; takes 6 us for the 371 KB of a gradient, and Python's zlib 88
MAX_HEADER = 1 << 20  # bytes; a push with 256 episodes has a tenth of that
MAX_MESSAGE = 4 * MAX_PARAMETERS + MAX_HEADER  # bytes, for ZMQ_MAXMSGSIZE
COPY_THRESHOLD = 1 << 16  # bytes; below this size, copying is cheaper than ZeroMQ's zero-copy bookkeeping
MAX_DOING = 64  # characters of what a starting worker does
MAX_EPISODES = 256  # in one push
MAX_SAMPLE = 1 << 17  # bytes of a picture's pixels; four 84 x 84 frames in colour have 85 kB
SAMPLE_S = 60.0  # between two pictures
SECTIONS = ("act", "step", "differentiate", "exchange", "load", "show")  # of a worker's time
STATISTICS = frozenset(  # the names in Push.statistics
    ["policy_loss", "value_loss", "entropy", "grad_norm", "kl", *(f"time_{section}" for section in SECTIONS)]
)
VECTOR = np.dtype("<f4")
WORKER, EVALUATOR = ROLES = ("worker", "evaluator")


class WireError(ValueError):
    """The frames are not a message of this protocol."""


class DamagedError(WireError):
    """A message was altered on its way."""


class VersionError(WireError):
    """The other side speaks another version of this protocol."""


class Hello(NamedTuple):
    """A worker or an evaluator introduces itself. Answer: Welcome."""

    client: str  # random; stays the same while the process runs
    name: str  # for people: host and process
    worker: int  # the index it asks for: its last one, or A3C64_WORKER_INDEX; -1 = the lowest free one
    role: str  # one of ROLES
    vnc_port: int  # of its display, on the host that it connects from; 0 = no display


class Welcome(NamedTuple):
    """The server tells a worker its index and the run."""

    worker: int  # its index
    run: str
    hyperparameters: dict


class Join(NamedTuple):
    """A worker has built the model and asks for weights. Answer: Weights."""

    specs: list  # of [name, shape, gain]; the first worker of a new run decides them
    figures: list  # of Figure: the environment's declarations of its metrics
    base: int = 0  # as in Push


class Push(NamedTuple):
    """A gradient. Answer: Weights."""

    signature: str
    version: int  # of the weights that it was computed with
    steps: int  # environment steps of its rollout: t_max for each environment; 0 = a further gradient from the same one
    statistics: dict  # name -> number, charted as train/<name>; the names are those of STATISTICS
    episodes: list  # of [total_reward, length, {metric: number}]
    packed: int = 0  # how many numbers at the gradient's beginning are packed; 0 = all are float32
    # The sequence number of the request whose answer has the weights that this worker holds. The answer may then be
    # only the difference to these. 0 = the answer must have the weights.
    base: int = 0


class Weights(NamedTuple):
    """The newest weights, or the packed difference to those that the request named as its `base`."""

    signature: str
    version: int
    step: int  # environment steps of the whole run
    accepted: bool  # False: the gradient was too stale
    finished: bool  # True: the run has reached its end, stop
    packed: int = 0  # how many numbers of the difference are packed; 0 = the vector is the weights


class Pull(NamedTuple):
    """An evaluator asks for weights. Answer: Weights."""


class Score(NamedTuple):
    """An evaluator has played episodes; the message carries the weights that it used. Answer: Noted."""

    signature: str
    version: int  # of the weights
    step: int  # environment steps of the run when they were pulled
    episodes: list  # as in Push, at least one


class Noted(NamedTuple):
    """The server has recorded a score."""

    best: bool  # True: the highest score so far


class Sample(NamedTuple):
    """A picture of what the agent sees, for TensorBoard; worker 0 sends one every SAMPLE_S. No answer."""

    shape: list  # [height, width, 1 or 3]
    pixels: bytes  # uint8


class Beat(NamedTuple):
    """The worker's process is alive. No answer."""

    client: str
    doing: str  # what it does before its first gradient, in a few words; the server keeps MAX_DOING characters of it


class Bye(NamedTuple):
    """A worker stops on purpose. No answer."""


class Ask(NamedTuple):
    """A client asks for the run's status. Answer: Report."""


class Report(NamedTuple):
    """The run's status."""

    report: dict  # of RunReport, see agent/wire/report.py


class Refused(NamedTuple):
    """The server refused a message."""

    # What the client is to do: "hello" or "join": send that again; "wait": ask again later; "done": stop, nothing is
    # left to do; "none": give up, a retry would be refused too.
    remedy: str
    reason: str


Body = Hello | Welcome | Join | Push | Weights | Pull | Score | Noted | Sample | Beat | Bye | Ask | Report | Refused
KINDS: dict[str, type] = {kind.__name__.lower(): kind for kind in get_args(Body)}
CARRIES_VECTOR = (Push, Weights, Score)
_HINTS = {kind: get_type_hints(kind) for kind in KINDS.values()}


class Message(NamedTuple):
    """One message."""

    sequence: int  # counts up with each request; the answer repeats it
    body: Any  # one of Body
    vector: np.ndarray | None = None  # float32 [parameters]; shares memory with the received frame if it can


def encode(sequence: int, body: Body, vector: np.ndarray | Packed | None = None) -> list[bytes | memoryview]:
    """Return the frames of a message; a vector that is not packed is not copied."""
    header = msgpack.packb([PROTOCOL, type(body).__name__.lower(), sequence, body._asdict()])
    if vector is None:
        return [sealed(header)]
    if isinstance(vector, Packed):
        frame = vector.frame()
        return [sealed(header, frame), frame]
    numbers = np.ascontiguousarray(vector, VECTOR).data.cast("B")
    return [sealed(header, numbers), numbers]


def sealed(header: bytes, numbers: bytes | memoryview = b"") -> bytes:
    """Return a header with the checksum of header and numbers at its end."""
    return header + isal_zlib.crc32(numbers, isal_zlib.crc32(header)).to_bytes(CHECKSUM, "little")


def decode(frames: Sequence[bytes | memoryview]) -> Message:
    """Check the form of a message and return it.

    Raises:
        WireError: the form is wrong; the error says what was found and what is expected.
    """
    if not 1 <= len(frames) <= 2:
        raise WireError(f"a message must have 1 or 2 frames, found {'3 or more' if frames else 0}")
    if len(frames[0]) > MAX_HEADER:
        raise WireError(f"the header must have at most {MAX_HEADER} bytes, found {len(frames[0])}")
    packed = frames[0][:-CHECKSUM]
    if sealed(bytes(packed), *frames[1:]) != frames[0]:
        raise _why_damaged(frames[0])
    header = _unpack(packed)
    if not isinstance(header, list) or not header or type(header[0]) is not int:
        raise WireError(f"the header must be a list that begins with a version, found {short(header)}")
    if header[0] != PROTOCOL:
        raise VersionError(f"protocol version {header[0]}, expected {PROTOCOL}: use the same release on both sides")
    if len(header) != 4:
        raise WireError(f"the header must have 4 entries, found {len(header)}")
    _, kind, sequence, fields = header
    if not isinstance(kind, str) or kind not in KINDS:
        raise WireError(f"the kind must be one of {', '.join(KINDS)}, found {short(kind)}")
    if not _is(sequence, int) or sequence < 0:
        raise WireError(f"sequence must be an integer >= 0, found {short(sequence)}")
    body = _body(KINDS[kind], fields)
    if len(frames) == 1:
        if isinstance(body, CARRIES_VECTOR):
            raise WireError(f"{kind} must have a vector, found none")
        return Message(sequence, body)
    if not isinstance(body, CARRIES_VECTOR):
        raise WireError(f"{kind} must not have a vector, found one")
    return Message(sequence, body, _vector(frames[1], getattr(body, "packed", 0)))


def squared_norm(vector: np.ndarray) -> float:
    """Return the sum of squares; inf or NaN if a number is not finite, or is beyond 1e19. Takes 15 us for 371 KB."""
    with np.errstate(all="ignore"):
        return float(np.dot(vector, vector))


def finite(vector: np.ndarray) -> bool:
    """Return whether every number is finite, in one pass. Numbers beyond 1e19 fail too: their square overflows."""
    return math.isfinite(squared_norm(vector))


def pack_episodes(episodes: Sequence[Episode]) -> list:
    """Return the newest MAX_EPISODES episodes in the form of Push."""
    return [list(episode) for episode in episodes[-MAX_EPISODES:]]


def unpack_episodes(raw: list) -> list[Episode]:
    """Check and return the episodes of a Push.

    Raises:
        WireError: there are too many, or one has the wrong form.
    """
    if len(raw) > MAX_EPISODES:
        raise WireError(f"a message must have at most {MAX_EPISODES} episodes, found {len(raw)}")
    episodes = []
    for item in raw:
        if not isinstance(item, list) or len(item) != 3 or not _number(item[0]) or not _is(item[1], int):
            raise WireError(f"an episode must be [return, length, metrics], found {short(item)}")
        if not 0 <= item[1] <= MAX_LENGTH:
            raise WireError(f"an episode's length must be 0 to {MAX_LENGTH}, found {item[1]}")
        episodes.append(Episode(float(item[0]), item[1], unpack_numbers(item[2])))
    return episodes


def unpack_numbers(raw: object) -> dict[str, float]:
    """Check and return a map from short names to finite numbers.

    Raises:
        WireError: `raw` is not such a map.
    """
    if not isinstance(raw, dict) or len(raw) > MAX_METRICS:
        raise WireError(f"metrics must be a map of at most {MAX_METRICS} numbers, found {short(raw)}")
    for name, value in raw.items():
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable() or not _number(value):
            raise WireError(f"a metric must have a short name and a finite value, found {short(name)}: {short(value)}")
    return {name: float(value) for name, value in raw.items()}


def unpack_specs(raw: list) -> list[ParameterSpec]:
    """Check and return the parameter list of a Join.

    Raises:
        WireError: it is not a valid parameter list, or has more than MAX_PARAMETERS numbers.
    """
    specs, size = [], 0
    for item in raw:
        if not isinstance(item, list) or len(item) != 3 or not _is(item[0], str) or not 0 < len(item[0]) <= MAX_NAME:
            raise WireError(f"a parameter must be [name, shape, gain], found {short(item)}")
        shape = item[1]
        if not isinstance(shape, list) or not 1 <= len(shape) <= 8 or not all(_is(n, int) and n > 0 for n in shape):
            raise WireError(f"shape of parameter {item[0]!r} must be 1 to 8 integers > 0, found {short(shape)}")
        if not _number(item[2]) or not 0.0 <= item[2] <= 100.0:
            raise WireError(f"gain of parameter {item[0]!r} must be a number from 0 to 100, found {short(item[2])}")
        size += math.prod(shape)
        if size > MAX_PARAMETERS:
            raise WireError(f"a model must have at most {MAX_PARAMETERS} parameters, found {size} or more")
        specs.append(ParameterSpec(item[0], tuple(shape), float(item[2])))
    if not specs:
        raise WireError("a model must have at least one parameter, found 0")
    [(name, times)] = Counter(spec.name for spec in specs).most_common(1)
    if times > 1:
        raise WireError(f"names of parameters must be unique, found {name!r} {times} times")
    return specs


def unpack_figures(raw: list) -> Figures:
    """Check and return the figures of a Join.

    Raises:
        WireError: one is not a figure, or there are too many.
    """
    if len(raw) > MAX_METRICS or not all(isinstance(one, list) and len(one) == len(Figure._fields) for one in raw):
        raise WireError(
            f"figures must be at most {MAX_METRICS} lists of {', '.join(Figure._fields)}, found {short(raw)}"
        )
    try:
        return Figures(checked(dict(zip(Figure._fields, one, strict=True))) for one in raw)
    except ValueError as error:
        raise WireError(f"a figure's {error}") from None


def unpack_sample(body: Sample) -> np.ndarray:
    """Check and return the picture of a Sample, uint8 [H, W, 1 or 3].

    Raises:
        WireError: it is not a picture, or is larger than MAX_SAMPLE.
    """
    shape = body.shape
    if len(shape) != 3 or not all(_is(n, int) and n > 0 for n in shape) or shape[2] not in (1, 3):
        raise WireError(f"a sample's shape must be [height, width, 1 or 3], found {short(shape)}")
    if (size := math.prod(shape)) > MAX_SAMPLE:
        raise WireError(f"a sample must have at most {MAX_SAMPLE} bytes, found {short(shape)}")
    if size != len(body.pixels):
        raise WireError(f"a sample of shape {short(shape)} must have {size} bytes, found {len(body.pixels)}")
    return np.frombuffer(body.pixels, np.uint8).reshape(shape)


def _unpack(packed: bytes | memoryview) -> object:
    try:
        return msgpack.unpackb(packed)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise WireError(f"the header must be msgpack: {type(error).__name__}") from None


def _why_damaged(frame: bytes | memoryview) -> WireError:
    """Return the error for a message with a wrong checksum. Protocol versions before 4 have no checksum."""
    try:
        header = _unpack(frame)
    except WireError:
        header = None
    if isinstance(header, list) and header and _is(header[0], int) and 0 < header[0] < PROTOCOL:
        return VersionError(f"protocol version {header[0]}, expected {PROTOCOL}: use the same release on both sides")
    return DamagedError("the checksum is wrong: the message was altered on its way, or uses another protocol")


def _vector(frame: bytes | memoryview, packed: int) -> np.ndarray:
    """Return the numbers of a message, float32 [N]; the first `packed` of them have 4 bits."""
    if packed:
        if not 0 < packed <= MAX_PARAMETERS:
            raise WireError(f"packed must be 0 to {MAX_PARAMETERS}, found {short(packed)}")
        try:
            return Packed.read(frame, packed).numbers()
        except ValueError as error:
            raise WireError(str(error)) from None
    if len(frame) % VECTOR.itemsize:
        raise WireError(f"a vector must have a multiple of {VECTOR.itemsize} bytes, found {len(frame)}")
    return np.frombuffer(frame, VECTOR)


def _is(value: object, wanted: type) -> bool:
    """Compare types exactly: True is not an int here."""
    return type(value) is wanted


def _number(value: object) -> bool:
    return type(value) in (int, float) and abs(float(value)) < LARGEST  # type: ignore[arg-type]  # false for NaN too


def _body(kind: type, fields: object) -> Any:
    hints = _HINTS[kind]
    if not isinstance(fields, dict) or set(fields) != set(hints):
        found = sorted(map(str, fields)) if isinstance(fields, dict) else type(fields).__name__
        raise WireError(f"{kind.__name__.lower()} must have exactly the fields {sorted(hints)}, found {short(found)}")
    for name, wanted in hints.items():
        if not _is(fields[name], wanted):
            found = type(fields[name]).__name__
            raise WireError(f"{kind.__name__.lower()}.{name} must be of type {wanted.__name__}, found {found}")
        if wanted is str and len(fields[name]) > 512:
            length = len(fields[name])
            raise WireError(f"{kind.__name__.lower()}.{name} must have at most 512 characters, found {length}")
    return kind(**fields)
