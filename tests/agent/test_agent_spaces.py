"""Observations of any space as one image and one vector."""

import gymnasium as gym
import numpy as np
import pytest

from a3c64.config import BadInputError
from a3c64.envs.spaces import View

RNG = np.random.default_rng(0)


def seen(view: View, *observations):
    out = view.shape.empty()
    view.begin(observations[0], out)
    for observation in observations[1:]:
        view.follow(observation, out)
    return out


def test_images_become_grey_and_square():
    colour = gym.spaces.Box(0, 255, (120, 160, 3), np.uint8)
    grey = View(colour, 42, "grey")
    assert grey.shape == ((42, 42, 1), 0)
    assert seen(grey, np.full((120, 160, 3), 255, np.uint8)).image.min() == 255
    rgb = View(colour, 42, "rgb")
    red = np.zeros((120, 160, 3), np.uint8)
    red[:, :, 0] = 200
    assert rgb.shape.image == (42, 42, 3)
    assert seen(rgb, red).image[20, 20].tolist() == [200, 0, 0]
    native = View(gym.spaces.Box(0, 255, (42, 42), np.uint8), 42, "rgb")
    frame = RNG.integers(0, 256, (42, 42), np.uint8)
    np.testing.assert_array_equal(seen(native, frame).image[:, :, 0], frame)


@pytest.mark.parametrize(
    ("space", "value", "vector"),
    [
        (gym.spaces.Box(-1, 1, (2, 2)), np.array([[0.5, 1], [-1, 0]]), [0.5, 1, -1, 0]),
        (gym.spaces.Discrete(3), 1, [0, 1, 0]),
        (gym.spaces.Tuple((gym.spaces.Discrete(2), gym.spaces.Box(0, 9, (1,)))), (1, np.array([7.0])), [0, 1, 7]),
        (
            gym.spaces.Box(0, 255, (3,), np.uint8),
            np.array([0, 51, 255], np.uint8),
            [0, np.float32(0.2), 1],
        ),  # ALE's RAM
    ],
)
def test_observations_that_are_not_pictures_are_flattened(space, value, vector):
    view = View(space, 42, "rgb")
    out = seen(view, value)
    assert view.shape == ((0, 0, 0), len(vector))
    assert out.vector.tolist() == vector
    assert out.vector.dtype == np.float32


def test_a_dict_becomes_an_image_and_a_vector():
    space = gym.spaces.Dict(
        {
            "speed": gym.spaces.Box(-9, 9, (2,)),
            "picture": gym.spaces.Box(0, 255, (42, 42, 3), np.uint8),
            "gear": gym.spaces.Discrete(2),
        }
    )
    view = View(space, 42, "rgb")
    picture = RNG.integers(0, 256, (42, 42, 3), np.uint8)
    out = seen(view, {"picture": picture, "speed": np.array([3.0, 4.0]), "gear": 1})
    np.testing.assert_array_equal(out.image, picture)
    assert sorted(out.vector.tolist()) == [0.0, 1.0, 3.0, 4.0]


def test_the_last_vectors_are_concatenated():
    view = View(gym.spaces.Box(0, 9, (2,)), 42, "rgb", stack=3)
    one, two = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert seen(view, one).vector.tolist() == [1, 2, 1, 2, 1, 2], "the first observation fills the stack"
    assert seen(view, one, two).vector.tolist() == [1, 2, 1, 2, 3, 4], "the newest is last"


@pytest.mark.parametrize(
    ("colours", "stack", "size"), [("grey", 4, 42), ("rgb", 2, 42), ("rgb", 3, 84), ("rgb", 1, 16)]
)
def test_the_last_pictures_are_the_channels_of_one_image(colours, stack, size):
    shape = (size, size, 3) if colours == "rgb" else (size, size)
    pictures = [RNG.integers(0, 256, shape, np.uint8) for _ in range(6)]
    out = seen(View(gym.spaces.Box(0, 255, shape, np.uint8), size, colours, stack), *pictures)
    expected = np.concatenate([picture.reshape(size, size, -1) for picture in pictures[-stack:]], axis=2)
    np.testing.assert_array_equal(out.image, expected)


def test_an_observation_without_a_fixed_size_is_refused():
    with pytest.raises(BadInputError, match="Sequence"):
        View(gym.spaces.Sequence(gym.spaces.Discrete(2)), 42, "rgb")
