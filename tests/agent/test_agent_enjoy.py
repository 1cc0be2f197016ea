"""Watching a policy: films show the rendered frames, races vary, and an environment that cannot render is an error."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from test_agent_video import probe
from tiny_env import TinyImage

from a3c64.config import BadInputError
from a3c64.envs.batch import make_one
from a3c64.envs.episode import Episode
from a3c64.envs.making import declared_for
from a3c64.hyperparameters import Hyperparameters
from a3c64.play.camera import Camera, frame
from a3c64.play.video import Video
from a3c64.policy.episodes import varied

SHORT = '{"time_limit": 5.0, "noop_max": 0}'


def decoded(path, shape):
    """All frames of a film, uint8 [N, H, W, 3]."""
    command = ["ffmpeg", "-loglevel", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, *shape)


@pytest.mark.parametrize(
    ("env_id", "size", "rate"), [("n64gym/OpenKart-v0", (480, 640), "15/1"), ("CartPole-v1", (800, 1200), "50/1")]
)
def test_a_film_shows_the_rendered_frames(tmp_path, env_id, size, rate):
    path, seen = tmp_path / "film.mp4", []
    with Video(path, fps=1) as video:
        env = Camera(make_one(Hyperparameters(env_id=env_id), render=True), video)
        env.action_space.seed(1)
        env.reset(seed=1)
        seen.append(env.render())
        for _ in range(20):
            env.step(env.action_space.sample())
            seen.append(env.render())
        env.reset()  # an episode without steps is not filmed
        env.close()
    found = probe(path)
    assert (found["codec_name"], found["pix_fmt"], found["r_frame_rate"]) == ("h264", "yuv420p", rate)
    assert (found["height"], found["width"], int(found["nb_read_frames"])) == (*size, 21)
    frames = decoded(path, (*size, 3))
    wrong = [np.abs(shown.astype(int) - frame(picture)).mean() for shown, picture in zip(frames, seen, strict=True)]
    assert max(wrong) < 6, "yuv420p changes colours a little"
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 2 * wrong[0] or env_id == "CartPole-v1"


@pytest.mark.parametrize(
    ("found", "made"),
    [((120, 160, 3), (480, 640)), ((210, 160, 3), (630, 480)), ((481, 333), (482, 334)), ((31, 47, 3), (496, 752))],
)
def test_small_pictures_are_magnified_and_sides_are_even(found, made):
    picture = np.random.default_rng(1).integers(256, size=found).astype(np.uint8)
    shown = frame(picture)
    assert shown.shape == (*made, 3)
    times = made[0] // found[0]
    np.testing.assert_array_equal(shown[::times, ::times].reshape(-1)[:3], np.resize(picture[0, 0], 3))
    np.testing.assert_array_equal(shown[(found[0] - 1) * times, (found[1] - 1) * times], picture[-1, -1])


class NoPicture(TinyImage):
    def render(self):
        return None


class Failing(TinyImage):
    def render(self):
        raise RuntimeError("no\nGPU here")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (NoPicture, r"--mp4: NoPicture.render\(\) gave NoneType, expected a picture, uint8 \[height, width, 3\]"),
        (Failing, "--mp4: Failing cannot be drawn: no GPU here"),
    ],
)
def test_an_environment_that_cannot_render_is_named(tmp_path, kind, said):
    with pytest.raises(BadInputError, match=said), Video(tmp_path / "x.mp4", fps=1) as video:
        Camera(kind("rgb_array"), video).reset(seed=1)
    assert list(tmp_path.iterdir()) == []


def test_a_race_is_described_with_its_laps():
    metrics = {"finished": 1.0, "progress": 3.0, "race_time_s": 102.5, "lap_1_s": 36.0, "lap_2_s": 33.25}
    episode = Episode(400.0, 1530, metrics | {"lap_3_s": 33.25, "best_lap_s": 33.25})
    said = ["finished", "driven 3.00 laps", "best lap 33.25 s", "race 102.50 s", "return 400.00", "1530 steps"]
    assert declared_for("n64gym/OpenKart-v0").describe(episode) == said
    assert declared_for("n64gym/OpenKart-v0").describe(Episode(1.0, 5, {})) == ["return 1.00", "5 steps"]


def test_races_vary_unless_the_user_says_otherwise():
    assert varied(Hyperparameters()).env_args == '{"noop_max": 30}'
    assert varied(Hyperparameters(env_args='{"noop_max": 0, "laps": 1}')).env_args == '{"noop_max": 0, "laps": 1}'
    assert varied(Hyperparameters(env_id="CartPole-v1")).env_args == "{}"


def test_enjoy_films_the_bundled_policy_greedy_or_sampled(stack, tmp_path):
    def lines(*more):
        flags = ["--episodes", "2", "--env-args", SHORT, "--mp4", str(tmp_path / "kart.mp4"), *more]
        done = stack.run("a3c64", "enjoy", *flags, run_dir="", env_id="", lstm_size="", t_max="")
        assert done.returncode == 0, done.stderr
        return [line[5:] for line in done.stdout.splitlines() if "return" in line and line[:5].strip().isdigit()]

    greedy = lines()
    assert len(greedy) == 2
    assert greedy[0] == greedy[1], "greedy episodes with the same start are equal"
    steps = [int(re.search(r"(\d+) steps", line)[1]) for line in greedy]
    assert int(probe(tmp_path / "kart.mp4")["nb_read_frames"]) == sum(steps) + 2
    drawn = lines("--sample")
    assert drawn[0] != drawn[1]


def test_a_course_can_be_chosen_by_name(stack):
    def play(*flags):
        done = stack.run("a3c64", "enjoy", "--episodes", "1", "--env-args", SHORT, *flags, run_dir="", env_id="")
        return done.returncode, done.stdout, done.stderr

    code, found, _ = play()
    assert code == 0
    code, chosen, _ = play("--course", "desert")
    assert code == 0
    assert found.splitlines()[-1] != chosen.splitlines()[-1], "a race on another course is another race"
    code, _, said = play("--course", "dessert")
    assert (code, said.count("\n")) == (2, 1)
    assert "maybe you meant 'desert'" in said


def test_a_film_with_an_invalid_path_is_a_one_line_error(stack, tmp_path):
    for name, said in (("x.avi", "expected a name that ends in .mp4"), ("run/checkpoints/x.mp4", "is not a folder")):
        (tmp_path / "run").write_text("") if "/" in name else None
        done = stack.run("a3c64", "enjoy", "--mp4", str(tmp_path / name), run_dir="", env_id="")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert said in done.stderr


def test_a_closed_pipe_ends_a_command_without_a_message(stack):
    read, write = os.pipe()
    os.close(read)
    for command in ([], ["eval", "--random", "--episodes", "1", "--env-id", "CartPole-v1"]):
        done = subprocess.run(
            [sys.executable, "-m", "a3c64", *command],
            stdout=write,
            stderr=subprocess.PIPE,
            env=stack.environment(),
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (141, "")
    os.close(write)
