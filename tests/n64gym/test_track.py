"""The track of a recorded episode: the player's positions and the road."""

import gymnasium
import numpy as np
import pytest
from driving import STRAIGHT

import n64gym
from n64gym import MovieError, Playback, RecordMovie, track

STEPS = 40


def record(env, folder, **options):
    """Drive for STEPS; return the movie and info's kart positions after reset and after each step [N, 2]."""
    with RecordMovie(env, folder) as env:
        _, info = env.reset(options=options)
        places = [env.step(STRAIGHT)[4]["position"] for _ in range(STEPS)]
        edges, title = env.unwrapped.road_edges(), info["title"]
    return env.last_movie, np.array(places)[:, ::2], edges, title


def test_a_track_has_the_karts_positions(tmp_path):
    options = {"course": "generated", "course_seed": 17, "mirror": True}
    movie, places, edges, title = record(gymnasium.make("n64gym/OpenKart-v0"), tmp_path, **options)
    playback = Playback(movie)
    found = track(playback, vis=4)
    playback.close()
    assert title == found.title == "generated 17, mirrored"
    np.testing.assert_array_equal(found.places, places)
    for edge, same in zip(found.road, edges, strict=True):
        np.testing.assert_array_equal(edge, same)
    middle = (found.road.left + found.road.right) / 2
    aside = np.hypot(*(found.places[:, None] - middle).T).min(0)
    assert aside.max() < 10, "the kart must be on the road"


def test_a_game_without_positions_is_refused(tmp_path, rom):
    env = gymnasium.make("n64gym/Rom-v0", rom=rom("pad"))
    with RecordMovie(env, tmp_path) as recorder:
        recorder.reset()
        recorder.step(recorder.action_space.sample())
        assert recorder.unwrapped.road_edges() is None
    playback = Playback(recorder.last_movie, rom("pad"))
    with pytest.raises(MovieError, match="is a movie of n64gym/Rom-v0: this game has no player positions"):
        track(playback, vis=4)
    playback.close()


def test_a_movie_without_json_is_refused(tmp_path):
    movie, *_ = record(gymnasium.make("n64gym/OpenKart-v0"), tmp_path)
    movie.with_suffix(".json").unlink()
    playback = Playback(movie)
    with pytest.raises(MovieError, match="is a movie of OPEN KART: this game has no player positions"):
        track(playback, vis=4)
    playback.close()


def test_a_movie_that_diverges_has_no_track(tmp_path):
    movie, *_ = record(gymnasium.make("n64gym/OpenKart-v0"), tmp_path)
    whole = n64gym.movies.m64.read(movie)
    whole.samples[-60] ^= 0x80  # A
    n64gym.movies.m64.write(movie, whole)
    playback = Playback(movie)
    with pytest.raises(MovieError, match="diverged between samples"):
        track(playback, vis=4)
    playback.close()
