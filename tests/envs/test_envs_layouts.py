"""Pictures in any layout become the same image; everything else becomes a vector, or is left out and named."""

import gymnasium as gym
import numpy as np
import pytest

from a3c64.config import BadInputError
from a3c64.envs.actions import family_of
from a3c64.envs.pictures import visible
from a3c64.envs.spaces import View
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import TRUNKS, design

RNG = np.random.default_rng(1)
PICTURE = RNG.integers(0, 256, (64, 64, 3), np.uint8)
GREY = RNG.integers(0, 256, (84, 84), np.uint8)
Box, Dict, Tuple, Discrete, Text = (
    gym.spaces.Box,
    gym.spaces.Dict,
    gym.spaces.Tuple,
    gym.spaces.Discrete,
    gym.spaces.Text,
)


def bytes_of(*shape, high=255):
    return Box(0, high, shape, np.uint8)


def seen(view, observation):
    out = view.shape.empty()
    view.begin(observation, out)
    view.follow(observation, out)
    return out


def image_of(space, observation, size=64, colours="rgb"):
    return seen(View(space, size, colours), observation).image


LAYOUTS = {  # layout -> space, observation; each is PICTURE
    "channels last": (bytes_of(64, 64, 3), PICTURE),
    "channels first": (bytes_of(3, 64, 64), PICTURE.transpose(2, 0, 1)),
    "float 0..1": (Box(0, 1, (64, 64, 3), np.float32), (PICTURE / 255).astype(np.float32)),
    "float 0..255": (Box(0, 255, (64, 64, 3), np.float64), PICTURE.astype(np.float64)),
    "float -1..1": (Box(-1, 1, (3, 64, 64), np.float32), PICTURE.transpose(2, 0, 1) / 127.5 - 1),
    "integers": (Box(0, 255, (64, 64, 3), np.int64), PICTURE.astype(np.int64)),
    "in a Dict": (Dict(camera=bytes_of(64, 64, 3)), {"camera": PICTURE}),
    "in a Tuple": (Tuple((bytes_of(64, 64, 3),)), (PICTURE,)),
    "nested": (Dict(a=Tuple((Dict(b=bytes_of(3, 64, 64)),))), {"a": ({"b": PICTURE.transpose(2, 0, 1)},)}),
    "a stack of one": (bytes_of(1, 64, 64, 3), PICTURE[None]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("colours", ["rgb", "grey"])
def test_one_picture_in_any_layout_becomes_the_same_image(layout, colours):
    expected = image_of(*LAYOUTS["channels last"], colours=colours)
    found = image_of(*LAYOUTS[layout], colours=colours)
    assert found.shape == (64, 64, 3 if colours == "rgb" else 1)
    assert np.abs(found.astype(int) - expected).max() <= 1, "rounding"
    small = image_of(*LAYOUTS[layout], size=42, colours=colours).astype(int)
    assert np.abs(small - image_of(*LAYOUTS["channels last"], size=42, colours=colours)).max() <= 2


@pytest.mark.parametrize(
    ("space", "observation", "shape"),
    [
        (bytes_of(84, 84), GREY, (42, 42, 1)),
        (bytes_of(1, 84, 84), GREY[None], (42, 42, 1)),
        (bytes_of(4, 84, 84), np.stack([GREY] * 4), (42, 42, 4)),
        (bytes_of(84, 84, 4), np.stack([GREY] * 4, -1), (42, 42, 4)),
        (bytes_of(84, 84, 12), np.stack([GREY] * 12, -1), (42, 42, 12)),
        (bytes_of(4, 84, 84, 3), np.stack([np.stack([GREY] * 3, -1)] * 4), (42, 42, 12)),
        (bytes_of(4, 3, 84, 84), np.stack([np.stack([GREY] * 3)] * 4), (42, 42, 12)),
        (bytes_of(84, 84, 1, high=1), GREY[:, :, None] > 127, (42, 42, 1)),
        (Box(0, 1, (84, 84, 1), bool), GREY[:, :, None] > 127, (42, 42, 1)),
        (Tuple((bytes_of(64, 64, 3), bytes_of(3, 32, 48))), (PICTURE, np.stack([GREY[:32, :48]] * 3)), (42, 42, 6)),
        (Tuple((bytes_of(84, 84), bytes_of(64, 64, 3))), (GREY, PICTURE), (42, 42, 4)),
        (Box(0, 1, (10, 10, 4), bool), RNG.integers(0, 2, (10, 10, 4)).astype(bool), (40, 40, 4)),  # MinAtar
        (Box(0, 1, (10, 10, 10), bool), RNG.integers(0, 2, (10, 10, 10)).astype(bool), (40, 40, 10)),
        (bytes_of(7, 7, 3), RNG.integers(0, 11, (7, 7, 3), np.uint8), (28, 28, 3)),  # MiniGrid
        (Box(0, 6, (9, 9, 2), np.int64), RNG.integers(0, 7, (9, 9, 2)), (36, 36, 2)),
    ],
)  # fmt: skip
def test_pictures_of_any_number_of_channels_become_one_image(space, observation, shape):
    view = View(space, 42, "rgb", stack=2)
    image = seen(view, observation).image
    assert image.shape == (*shape[:2], 2 * shape[2])
    np.testing.assert_array_equal(image[..., : shape[2]], image[..., shape[2] :])
    assert image.max() > 140, "its brightest value is bright"
    assert image.min() < 60, "its darkest value is dark"
    assert view.description.startswith(f"an image {'x'.join(map(str, shape))}")
    assert visible(image[..., : shape[2]]).shape[-1] in (1, 3)
    for trunk in TRUNKS:
        given = Hyperparameters(trunk=trunk)
        assert design(view.shape, family_of(Discrete(3)), given).specs


def test_the_cells_of_a_grid_keep_their_edges_and_differ():
    cells = np.arange(7 * 7 * 3, dtype=np.uint8).reshape(7, 7, 3) % 11
    image = image_of(bytes_of(7, 7, 3), cells, size=42)
    assert (image.reshape(7, 4, 7, 4, 3) == image[::4, ::4].reshape(7, 1, 7, 1, 3)).all()
    values = [image[::4, ::4][cells == kind] for kind in range(11)]
    assert all((one == one[0]).all() for one in values)
    assert np.diff([int(one[0]) for one in values]).min() > 12, "small numbers differ visibly"


@pytest.mark.parametrize(
    ("space", "observation", "vector"),
    [
        (Box(-np.inf, np.inf, (5, 5)), np.ones((5, 5)), 25),  # highway-env
        (Box(0, 1, (3, 3, 10), np.float32), np.ones((3, 3, 10)), 90),
        (Box(-1, 1, (10, 10), np.float32), np.ones((10, 10)), 100),
        (bytes_of(4, 128), np.ones((4, 128), np.uint8), 512),  # ALE's RAM, stacked
        (Box(-np.inf, np.inf, (20, 20, 3)), np.ones((20, 20, 3)), 1200),
        (gym.spaces.MultiDiscrete([3, 4]), np.array([2, 3]), 7),
        (gym.spaces.MultiBinary(6), np.ones(6, np.int8), 6),
        (Discrete(5, start=-2), -1, 5),
        (Dict(a=Dict(b=Discrete(2)), c=Tuple((Box(0, 1, (2,)), Discrete(3)))), {"a": {"b": 1}, "c": ([0, 1], 2)}, 7),
        (Box(0, 1, (), np.float32), np.float32(0.5), 1),
    ],
)
def test_what_is_not_a_picture_is_a_vector(space, observation, vector):
    view = View(space, 42, "rgb")
    assert view.shape == ((0, 0, 0), vector)
    assert seen(view, observation).vector.shape == (vector,)
    assert f"a vector of {vector}" in view.description


def test_what_the_agent_sees_is_described_in_one_line():
    space = Dict(
        camera=Box(0, 1, (3, 64, 64), np.float32),
        mission=Text(20),
        ram=bytes_of(128),
        speed=Box(-9, 9, (2,)),
        units=gym.spaces.Sequence(Discrete(3)),
        web=gym.spaces.Graph(Discrete(2), None),
        wild=Box(-np.inf, np.inf, (64, 64, 3)),
    )
    assert View(space, 42, "rgb").description == (
        "an image 42x42x3 (from 'camera' 3x64x64, channels first, 0..1 scaled to 0..255) and a vector of 12418; "
        "bytes scaled to 0..1 ('ram'); 'wild' 64x64x3 has no bounds, so it is not taken for a picture; "
        "left out: 'mission' (Text), 'units' (Sequence), 'web' (Graph)"
    )
    observation = {
        "camera": np.ones((3, 64, 64)), "mission": "go", "ram": np.full(128, 51), "speed": [3, 4], "units": (),
        "web": None, "wild": np.zeros((64, 64, 3)),
    }  # fmt: skip
    out = seen(View(space, 42, "rgb"), observation)
    assert (out.image == 255).all()
    assert out.vector[:128] == pytest.approx(0.2)
    assert out.vector[128:130].tolist() == [3, 4]


@pytest.mark.parametrize("colours", ["rgb", "grey"])
@pytest.mark.parametrize(
    ("space", "cut"),
    [
        (bytes_of(210, 160), np.s_[34:194, 5:157]),
        (bytes_of(210, 160, 3), np.s_[34:194, 5:157]),
        (bytes_of(3, 210, 160), np.s_[:, 34:194, 5:157]),
        (bytes_of(4, 210, 160, 3), np.s_[:, 34:194, 5:157]),
        (Box(0, 1, (210, 160, 3), np.float32), np.s_[34:194, 5:157]),
    ],
)
def test_a_cropped_picture_is_the_view_of_its_part(space, cut, colours):
    whole = space.sample()
    part = whole[cut]
    expected = View(Box(space.low[cut], space.high[cut], dtype=space.dtype), 42, colours)
    found = View(space, 42, colours, crop=(34, 16, 5, 3))
    np.testing.assert_array_equal(seen(found, whole).image, seen(expected, part).image)
    assert found.shape == expected.shape
    assert "cropped to 160x152" in found.description


def test_a_crop_that_leaves_nothing_or_has_no_picture_is_refused():
    with pytest.raises(BadInputError, match="leaves nothing of a picture with 210x160 pixels"):
        View(bytes_of(210, 160), 42, "grey", crop=(200, 10, 0, 0))
    with pytest.raises(BadInputError, match="frame_crop=1,0,0,0 needs pictures"):
        View(Box(-1, 1, (3,)), 42, "grey", crop=(1, 0, 0, 0))


@pytest.mark.parametrize(
    "space",
    [
        Text(5),
        gym.spaces.Sequence(Discrete(2)),
        gym.spaces.Graph(Box(0, 1, (2,)), None),
        gym.spaces.OneOf((Discrete(2), Discrete(3))),
        Dict(a=Text(5)),
        Dict(),
        Box(0, 1, (0,)),
        gym.Space(),
    ],
)
def test_a_space_without_pictures_and_numbers_is_refused_by_name(space):
    with pytest.raises(BadInputError, match=f"observations of {type(space).__name__}"):
        View(space, 42, "rgb")


def test_a_float_picture_that_is_not_finite_is_not_used():
    picture = np.zeros((64, 64, 3))
    picture[3, 3, 1] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        image_of(Box(0, 1, (64, 64, 3), np.float64), picture)
