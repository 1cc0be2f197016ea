"""The panel is drawn for every action family and every kind of observation, and shows what the policy computed."""

import numpy as np
import pytest

from a3c64.envs.actions import Categorical, DiagonalGaussian, MultiCategorical
from a3c64.envs.batch import EnvironmentBatch
from a3c64.hyperparameters import Hyperparameters
from a3c64.worker.display.describe import FRAME_SIDE, OPTIONS, action_names, live_figures, newest_frames, thoughts
from a3c64.worker.display.frame import MAX_NOTE
from a3c64.worker.display.ink import ACCENT, BACK, BAR, HEIGHT, WIDTH
from a3c64.worker.display.panel import GAME, RIGHT, Panel
from a3c64.worker.display.scene import Choice, Scene, Span

PICTURE = np.full((120, 160, 3), (10, 200, 30), np.uint8)
SCENE = Scene(
    title="Some-v0",
    worker=3,
    run_step=1_234_567,
    staleness=2,
    time_s=1.0,
    frames=np.full((2, 42, 42, 3), (200, 30, 200), np.uint8),
    stack=2,
    vector=np.zeros(0, np.float32),
    choices=[Choice("", ["left", "right"], np.array([0.25, 0.75], np.float32), 1)],
    spans=[],
    value=1.5,
    total_reward=-3.25,
    length=17,
    last=(12.0, 200),
    figures=[],
)
NO_FRAMES = np.zeros((0, 0, 0, 1), np.uint8)


def draw(scene: Scene, picture: np.ndarray = PICTURE) -> np.ndarray:
    drawn = Panel().draw(picture, Scene.unpack(scene.pack()))
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    assert drawn.dtype == np.uint8
    return drawn


def count(drawn: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((drawn == colour).all(2).sum())


def right_column(drawn: np.ndarray) -> np.ndarray:
    return drawn[:, RIGHT.x :]


def test_encoding_does_not_change_a_scene():
    again = Scene.unpack(SCENE.pack())
    np.testing.assert_array_equal(again.frames, SCENE.frames)
    np.testing.assert_array_equal(again.choices[0].probabilities, SCENE.choices[0].probabilities)
    assert again.choices[0].options == ["left", "right"]
    assert (again.title, again.staleness, again.value, again.total_reward) == ("Some-v0", 2, 1.5, -3.25)
    span = Span("x", -2.0, 2.0, 0.5, 0.25, 0.75)
    assert Scene.unpack(SCENE._replace(spans=[span]).pack()).spans == [span]


def test_the_game_is_shown_whole_and_undistorted():
    game = draw(SCENE)[GAME.y : GAME.y + GAME.height, GAME.x : GAME.x + GAME.width]
    assert (game == PICTURE[0, 0]).all(), "a 4:3 picture fills the area"
    tall = draw(SCENE, np.full((210, 160, 3), (10, 200, 30), np.uint8))
    assert count(tall, (10, 200, 30)) == pytest.approx(288 * 288 * 160 / 210, rel=0.01)
    large = draw(SCENE, np.full((400, 600, 3), (10, 200, 30), np.uint8))
    assert count(large, (10, 200, 30)) == pytest.approx(384 * 256, rel=0.01)


def test_without_a_picture_the_rest_is_shown():
    drawn = draw(SCENE, np.zeros((0, 0, 3), np.uint8))
    assert count(drawn, (200, 30, 200)) == 2 * 106 * 106


def test_bars_are_proportional_to_probabilities():
    column = right_column(draw(SCENE))
    taken, other = count(column, ACCENT), count(column, BAR)
    assert taken / other == pytest.approx(3.0, rel=0.15), "0.75 to 0.25; letters add a few pixels"
    swapped = SCENE.choices[0]._replace(chosen=0)
    assert count(right_column(draw(SCENE._replace(choices=[swapped]))), ACCENT) < taken


@pytest.mark.parametrize("options", [2, 6, 12, 18, 24, 25, 127, 1000])
def test_any_number_of_options_fits(options):
    shares = np.full(options, 1.0 / options)
    choices, _ = thoughts(Categorical(options), np.log(shares), np.int32(options - 1), [])
    frames = np.full((4, 42, 42, 1), 90, np.uint8)
    drawn = draw(SCENE._replace(choices=choices, frames=frames, stack=4))
    assert count(right_column(drawn), ACCENT) > 0
    assert (drawn[-4:] == BACK).all(), "the bottom edge is empty"


def test_each_of_several_choices_has_a_gauge():
    family = MultiCategorical((161, 161, 2, 2, 2), (-80, -80, 0, 0, 0))
    choices, spans = thoughts(family, np.zeros(328), np.array([100, 80, 1, 0, 1]), ["x", "y", "A", "B", "R"])
    assert [choice.name for choice in choices] == ["x", "y", "A", "B", "R"]
    assert choices[0].options[choices[0].chosen] == "20", "options are labelled with the environment's numbers"
    assert not spans
    draw(SCENE._replace(choices=choices))
    binary, _ = thoughts(MultiCategorical((2,) * 14, (0,) * 14), np.zeros(28), np.ones(14, int), [])
    assert count(right_column(draw(SCENE._replace(choices=binary))), ACCENT) > 14 * 20


def test_numbers_show_mean_std_and_sample():
    family = DiagonalGaussian(np.array([-2.0], np.float32), np.array([2.0], np.float32))
    choices, spans = thoughts(family, np.array([0.5, np.log(0.25)]), np.array([1.0]), [])
    assert not choices
    (span,) = spans
    assert span[1:] == pytest.approx((-2.0, 2.0, 1.0, 0.5, 2.0))
    column = right_column(draw(SCENE._replace(choices=[], spans=spans)))
    assert count(column, ACCENT) > 0
    assert count(column, BAR) > 100
    narrow = [span._replace(std=0.05)]
    assert count(right_column(draw(SCENE._replace(choices=[], spans=narrow))), BAR) < count(column, BAR)
    many = [span._replace(name=str(k)) for k in range(60)]
    draw(SCENE._replace(choices=[], spans=many))


@pytest.mark.parametrize("length", [1, 4, 15, 27, 348, 512])
@pytest.mark.parametrize("frames", [NO_FRAMES, SCENE.frames])
def test_vectors_are_drawn_as_bars(length, frames):
    vector = np.linspace(-1.0, 1.0, length).astype(np.float32)
    scene = SCENE._replace(vector=vector, frames=frames, stack=len(frames), choices=[], spans=[])
    assert count(right_column(draw(scene)), BAR) > 0
    assert count(right_column(draw(scene._replace(vector=0 * vector))), BAR) < 2000


def test_nan_and_infinity_do_not_stop_the_panel():
    nan = float("nan")
    draw(SCENE._replace(value=nan, choices=[Choice("", ["a", "b"], np.full(2, nan, np.float32), 0)]))
    draw(SCENE._replace(choices=[], spans=[Span("x", -1.0, 1.0, nan, nan, nan)]))
    draw(SCENE._replace(vector=np.full(3, np.inf, np.float32), total_reward=1e30))


def test_the_chart_shows_the_last_ten_seconds():
    panel = Panel()
    for k in range(100):
        drawn = panel.draw(PICTURE, SCENE._replace(time_s=0.2 * k, value=float(k % 7), length=k % 30))
    assert len(panel._history) == pytest.approx(51, abs=1)
    chart = np.s_[GAME.y + GAME.height :, : GAME.x + GAME.width, 0]  # red only: the curve is anti-aliased
    calm = Panel().draw(PICTURE, SCENE)
    assert (drawn[chart] > 90).sum() > (calm[chart] > 90).sum() + 500


def test_the_newest_frames_are_split_from_the_stack():
    image = np.zeros((42, 42, 6 * 3), np.uint8)
    image[..., -3:] = (1, 2, 3)
    frames, stack = newest_frames(image, 3)
    assert frames.shape == (4, 42, 42, 3)
    assert stack == 6
    assert (frames[-1] == (1, 2, 3)).all()
    assert not frames[:-1].any()
    large, _ = newest_frames(np.zeros((512, 512, 1), np.uint8), 1)
    assert max(large.shape[1:3]) <= FRAME_SIDE
    none, stack = newest_frames(np.zeros((0, 0, 0), np.uint8), 0)
    assert len(none) == stack == 0


def test_a_scene_of_the_largest_spaces_fits_into_the_note():
    wide = 64 * [Choice("a name", ["an option"] * OPTIONS, np.zeros(OPTIONS, np.float32), 0)]
    frames = np.zeros((4, FRAME_SIDE, FRAME_SIDE, 3), np.uint8)
    assert len(SCENE._replace(frames=frames, vector=np.zeros(512, np.float32), choices=wide).pack()) < MAX_NOTE


@pytest.mark.parametrize(
    ("env_id", "names"),
    [("ALE/Pong-v5", ["noop", "fire", "right", "left", "rightfire", "leftfire"]), ("CartPole-v1", [])],
)
def test_environments_name_their_actions(env_id, names):
    environments = EnvironmentBatch.make(Hyperparameters(env_id=env_id, envs_per_worker=1), 0, render_first=True)
    assert action_names(environments.environments[0]) == names
    lives = [("lives", "4")]
    assert live_figures(environments.environments[0], {"lives": 4}) == lives
    assert live_figures(environments.environments[0], {}) == []
    environments.close()


def test_open_kart_names_its_actions_and_figures():
    environments = EnvironmentBatch.make(Hyperparameters(envs_per_worker=1), 0, render_first=True)
    assert action_names(environments.environments[0])[:3] == ["noop", "straight", "brake"]
    environments.step(np.array([1], np.int32))
    episode = environments.episode_state(0)
    assert episode.length == 1
    assert episode.last is None
    assert dict(live_figures(environments.environments[0], episode.info))["lap"] == "1/3"
    environments.close()
