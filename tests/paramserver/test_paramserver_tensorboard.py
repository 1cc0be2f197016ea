"""The files written for TensorBoard, read back with its reader: after kills, on a full disk, with invalid messages."""

import resource
import time

import numpy as np
import pytest
from in_process import ROLLOUT, Clock, connection, make_client, refusal
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.util import tensor_util

import n64gym  # noqa: F401
from a3c64.envs.figures import UNDECLARED
from a3c64.envs.making import declared_for
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.learning.scaling import Moments, packed, unpacked
from a3c64.paramserver.run_folder import RunFolder
from a3c64.paramserver.service import Service
from a3c64.paramserver.tensorboard.event_file import EventFile, interval
from a3c64.paramserver.tensorboard.layout import hyperparameters_text, layout
from a3c64.paramserver.tensorboard.legacy_tags import legacy
from a3c64.paramserver.weights import SharedWeights
from a3c64.report import history
from a3c64.wire import messages as wire
from a3c64.wire.report import ServerReport
from a3c64.worker.observation_pictures import ObservationPictures, tiled


def points(folder, tag):
    return [event.step for event in EventAccumulator(str(folder)).Reload().Tensors(tag)]


def content(folder, tag):
    (*_, last) = EventAccumulator(str(folder)).Reload().Tensors(tag)
    return tensor_util.make_ndarray(last.tensor_proto)


def test_curves_have_no_overlap_and_no_gap_after_a_kill(tmp_path, monkeypatch):
    now = iter(range(1000, 3000))
    monkeypatch.setattr(
        "a3c64.paramserver.tensorboard.event_file.time.time", lambda: next(now)
    )  # so that the files' names have an order
    first = EventFile(tmp_path, 0)
    first.text("run/hyperparameters", "one", 0)
    for step in (10, 20, 30, 40):
        first.scalars({"time/fps": 1.0}, step)
    again = EventFile(tmp_path, 20 + 1)  # killed after a checkpoint at step 20
    for step in (25, 35):
        again.scalars({"time/fps": 2.0}, step)
    assert points(tmp_path, "time/fps") == [10, 20, 25, 35]
    assert points(tmp_path, "run/hyperparameters") == [0]
    EventFile(tmp_path, 0).scalars({"time/fps": 3.0}, 0)  # killed before its first checkpoint
    assert points(tmp_path, "time/fps") == [0]


def test_a_clock_set_back_hides_no_session(tmp_path, monkeypatch):
    for begin, now in ((0, 2_000_000_000.0), (21, 1_000.0), (41, 1_900_000_000.0)):
        monkeypatch.setattr("a3c64.paramserver.tensorboard.event_file.time.time", lambda now=now: now)
        file = EventFile(tmp_path / "tensorboard", begin)
        for step in (begin + 9, begin + 19):
            file.scalars({"time/fps": 1.0}, step)
        file.close()
    assert points(tmp_path / "tensorboard", "time/fps") == [9, 19, 30, 40, 50, 60]
    assert history.curves(tmp_path)["time/fps"].steps.tolist() == [9, 19, 30, 40, 50, 60]


def test_the_file_of_a_week_is_small_and_read_in_seconds(tmp_path, monkeypatch):
    """Points are as frequent as the server's, with a quarter of its tags."""
    now = 0.0
    monkeypatch.setattr("a3c64.paramserver.tensorboard.event_file.time.time", lambda: now)
    file = EventFile(tmp_path / "tensorboard", 0)
    points = 0
    while now < 7 * 86400:
        file.scalars({f"env/{n}": now for n in range(10)}, int(now * 5000))
        now += interval(5.0, now)
        points += 1
    file.close()
    assert points < 15_000, "a point every 5 s would be 121,000"
    assert sum(path.stat().st_size for path in (tmp_path / "tensorboard").iterdir()) < 5e6
    begin = time.process_time()
    curve = history.curves(tmp_path)["env/7"]
    assert time.process_time() - begin < 10.0
    assert history.POINTS <= len(curve.steps) <= 2 * history.POINTS
    assert curve.values[-1] > 6.9 * 86400, "the curve must reach the end"
    assert np.diff(curve.minutes).max() < 30.0


def test_a_full_disk_leaves_no_partial_record(tmp_path, caplog):
    file = EventFile(tmp_path, 0)
    file.scalars({"time/fps": 1.0}, 1)
    (path,) = tmp_path.iterdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
    try:
        file.scalars({"time/fps": 1.0}, 2)
        file.scalars({"time/fps": 1.0}, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    file.scalars({"time/fps": 1.0}, 4)
    assert points(tmp_path, "time/fps") == [1, 4]
    assert caplog.text.count("training goes on") == 1


def test_an_unwritable_folder_is_retried(tmp_path, caplog):
    (tmp_path / "board").write_text("")
    file = EventFile(tmp_path / "board", 0)
    file.scalars({"time/fps": 1.0}, 1)
    assert "training goes on" in caplog.text
    (tmp_path / "board").unlink()
    file.scalars({"time/fps": 1.0}, 2)
    assert points(tmp_path / "board", "time/fps") == [2]


def test_pictures_texts_and_layouts_are_written(tmp_path):
    file = EventFile(tmp_path, 0)
    file.picture("rollout/observation", np.full((4, 6, 3), 200, np.uint8), 5)
    file.text("run/hyperparameters", hyperparameters_text(Hyperparameters(t_max=7), "a3c64 train | x"), 5)
    file.hyperparameters(Hyperparameters().model_dump(), "run", 5)
    file.layout(layout(["lap_1_s", "progress", "lap_2_s"], declared_for("n64gym/OpenKart-v0")), 5)
    width, height, png = content(tmp_path, "rollout/observation")
    assert (width, height, png[:4]) == (b"6", b"4", b"\x89PNG")
    text = content(tmp_path, "run/hyperparameters").item().decode()
    assert "| A3C64_T_MAX | **7** | 40 |" in text
    assert "| A3C64_DISCOUNT | 0.99 | 0.99 |" in text
    assert "    a3c64 train | x\n" in text
    shown = Layout.FromString(content(tmp_path, "custom_scalars__config__").item())
    charts = {category.title: [chart.title for chart in category.chart] for category in shown.category}
    assert charts["The environment"] == ["Driven, laps", "Lap time, s"]


def test_other_environments_get_their_own_charts():
    groups = {category.title: category for category in layout(["a.b*", "damage"], UNDECLARED).category}
    assert [chart.multiline.tag[0] for chart in groups["The environment"].chart] == [
        r"env/a\.b(.+)$",
        "env/damage$",
    ]
    assert "The environment" not in {category.title for category in layout(["emulator_restarts"], UNDECLARED).category}


def test_unchanged_hyperparameters_are_not_written_again(tmp_path):
    def describe(*argv, **changes):
        return RunFolder(tmp_path, keep=5).describe(Hyperparameters(**changes), " ".join(argv))

    assert describe()
    assert not describe()
    assert describe("a3c64 train")
    assert describe()
    assert describe(t_max=7)
    assert not describe(t_max=7)


def test_the_old_tags_are_computed_from_the_new_ones():
    ours = {"rollout/ep_rew_mean": 30.0, "rollout/ep_len_mean": 200.0, "train/entropy": 1.5, "time/fps": 400.0}
    assert legacy(ours, np.array([3.0, 4.0], np.float32), environments=8) == {
        "global/episode_reward": 30.0,
        "global/episode_length": 200.0,
        "global/episode_time": 4.0,
        "global/reward_per_time": 7.5,
        "diagnostics/fps": 50.0,
        "model/entropy": 1.5,
        "model/var_global_norm": 5.0,
    }
    assert legacy({"time/fps": 0.0}, None, environments=0) == {}


SPECS = [ParameterSpec("w", (2,), 1.0), ParameterSpec("moments/vector", (3,), 0.0)]


def service_with_client(**hyperparameters):
    clock = Clock()
    weights = SharedWeights(Hyperparameters(**(ROLLOUT | hyperparameters)), None)
    service = Service(weights, "run", ServerReport(), clock)
    client = make_client(service)
    client.hello()
    return service, client, clock


def test_frames_are_tiled_side_by_side_and_fit_into_a_message():
    stack = np.arange(2 * 3 * 6, dtype=np.uint8).reshape(2, 3, 6)  # two frames in colour
    picture = tiled(stack, 2)
    assert picture.shape == (2, 6, 3)
    np.testing.assert_array_equal(picture[:, :3], stack[..., :3])
    np.testing.assert_array_equal(picture[:, 3:], stack[..., 3:])
    assert tiled(np.zeros((512, 512, 48), np.uint8), 16).size <= wire.MAX_SAMPLE


def test_only_worker_0_sends_pictures_at_a_limited_rate():
    service, client, clock = service_with_client()
    sampler = ObservationPictures(client, frames=2)
    sampler.offer(np.zeros((0, 0, 0), np.uint8))
    assert service.picture is None, "an observation without a picture must not be sent"
    sampler.offer(np.ones((4, 5, 2), np.uint8))
    assert service.picture.shape == (4, 10, 1)
    service.picture = None
    sampler.offer(np.ones((4, 5, 2), np.uint8))
    client.send_picture(np.ones((4, 5, 1), np.uint8))
    assert service.picture is None, "a second picture within SAMPLE_S must not be stored"
    clock.now += wire.SAMPLE_S
    client.send_picture(np.ones((4, 5, 1), np.uint8))
    assert service.picture.shape == (4, 5, 1)
    other = make_client(service, "b")
    other.hello()
    clock.now += wire.SAMPLE_S
    service.picture = None
    ObservationPictures(other, frames=2).offer(np.ones((4, 5, 2), np.uint8))
    assert (other.index, service.picture) == (1, None)
    assert service.metrics.refused.total() == 0


@pytest.mark.parametrize(
    ("known", "body", "reason"),
    [
        (False, wire.Sample([1, 1, 1], b"x"), "must begin with the message hello, found sample"),
        (True, wire.Sample([9, 9, 1], b"x"), "must have 81 bytes, found 1"),
        (True, wire.Sample([512, 512, 1], bytes(512 * 512)), "at most"),
        (True, wire.Sample([1, -1, 1], b"x"), "shape"),
    ],
)
def test_an_invalid_picture_is_refused(known, body, reason):
    service, client, _ = service_with_client()
    assert reason in refusal(service, connection(client) if known else b"stranger", wire.encode(99, body)).reason
    assert service.picture is None


def test_a_push_counts_no_more_observations_than_its_steps():
    service, client, _ = service_with_client(normalise_observations=True)
    client.join(SPECS)

    def push_moments(size, mean):
        gradient = np.concatenate((np.zeros(2), packed(Moments(size, np.array([mean]), np.ones(1)))))
        client.push(gradient.astype(np.float32), signature(SPECS), service.weights.version, 20, {}, [])
        return unpacked(service.weights.vector[2:])

    assert push_moments(20.0, 1.0).size == 20.0
    assert push_moments(1e9, 1.0).size == 40.0, "a rollout must count as at most twenty observations"
    seen = push_moments(1e9, 7.0)
    assert (seen.size, seen.mean[0]) == (60.0, pytest.approx(3.0))
    assert np.isfinite(service.weights.vector).all()
