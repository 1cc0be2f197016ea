"""ROMs that draw with the GPU, with and without a video plugin. Only pictures that the agent sees are drawn."""

import ctypes
import os
import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest

import n64gym
from n64gym.machine import controller
from n64gym.machine.emulator import Emulator, ObservationFormat

SHOWN, SYNCS = 0x100 // 4, 0x10C // 4  # RDRAM words that gpu.S keeps
GREEN = controller.C_LEFT | controller.C_UP  # the lower byte of RGBA5551, of which two bits are green
TWO_LISTS = controller.START


def expected_picture(shown, word):
    """Return what gpu.S draws as its picture number `shown`, counted from 0: uint8 [240, 320, 3]."""
    half = int.from_bytes(word.to_bytes(4, "little")[:2], "big")
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[:] = [channel << 3 | channel >> 2 for channel in (half >> 11, half >> 6 & 31, half >> 1 & 31)]
    x, y = 8 * shown & 255, 4 * shown & 127
    picture[48:80, x : x + 32] = 255
    picture[y : y + 32, 144:176] = [255, 0, 0]
    return picture


def on_screen(emulator):
    """Return the number of the picture that a television would show."""
    return int(emulator.rdram[SHOWN]) - 1


def test_a_gpu_game_runs_without_a_video_plugin(rom):
    """The game waits for DP interrupts. A display list that is not drawn must raise them too."""
    with Emulator(rom("gpu")) as emulator:
        emulator.step(200)
        assert emulator.rdram[SHOWN] == 100
        assert emulator.rdram[SYNCS] == emulator.display_lists == 101
        assert emulator.drawn_lists == 0
        assert not emulator.frame().any()


@pytest.mark.parametrize("word", [GREEN, GREEN | TWO_LISTS])
@pytest.mark.parametrize("vis", [1, 2, 3, 4, 5, 8, 13])
def test_the_picture_after_a_step_is_the_one_on_the_screen(rom, display, vis, word):
    with Emulator(rom("gpu"), video="glide64mk2", observation=ObservationFormat(240, 320, 3)) as emulator:
        for _ in range(4):
            emulator.step(vis, word)  # the emulator needs a few steps to predict the step's length
        drawn, begun = emulator.drawn_lists, emulator.display_lists
        for _ in range(12):
            emulator.step(vis, word)
            picture = expected_picture(on_screen(emulator), word)
            assert (emulator.observation == picture).all()
            assert (emulator.frame() == picture).all()
        lists = 2 if word & TWO_LISTS else 1
        pictures = (emulator.display_lists - begun) // lists
        assert (emulator.drawn_lists - drawn) // lists == min(12, pictures)  # one per step, or all


@pytest.mark.parametrize("size", [(480, 640), (120, 160)])
def test_the_plugin_draws_at_the_wanted_size(rom, display, size):
    with Emulator(rom("gpu"), video="glide64mk2", video_size=size) as emulator:
        emulator.step(40, GREEN)
        native = expected_picture(on_screen(emulator), GREEN)
        times = size[0] / 240
        assert np.array_equal(emulator.frame(), native.repeat(2, 0).repeat(2, 1) if times == 2 else native[::2, ::2])


@pytest.mark.parametrize("size", [(0, 320), (769, 320), (240, 1025)])
def test_an_impossible_size_is_refused(rom, size):
    with pytest.raises(ValueError, match=r"video_size is .*; expected \(height, width\) up to \(768, 1024\)"):
        Emulator(rom("gpu"), video="glide64mk2", video_size=size)


def test_drawing_does_not_change_rdram(rom, display):
    """RDRAM is identical to the bit with and without a plugin, in steps of any length."""
    machines = []
    for video, vis in ((None, 1), (None, 120), ("glide64mk2", 1), ("glide64mk2", 4), ("glide64mk2", 8)):
        with Emulator(rom("gpu"), video=video) as emulator:
            emulator.step(120 - emulator.vi_count, GREEN)
            for word in (GREEN, TWO_LISTS, GREEN | TWO_LISTS):
                for _ in range(120 // vis):
                    emulator.step(vis, word)
            machines.append(emulator.rdram.copy())
    for machine in machines[1:]:
        assert (machine == machines[0]).all()


def test_steps_of_unexpected_lengths_show_whole_pictures_at_most_a_step_old(rom, display):
    lengths = random.Random(1).choices([1, 2, 3, 4, 8], k=60)
    runs = []
    for _ in range(2):
        run = []
        with Emulator(rom("gpu"), video="glide64mk2", observation=ObservationFormat(240, 320, 3)) as emulator:
            emulator.step(20, GREEN)
            before = on_screen(emulator)
            for vis in lengths:
                emulator.step(vis, GREEN)
                now = on_screen(emulator)
                age = [number for number in range(before - 3, now + 2)
                       if (emulator.observation == expected_picture(number, GREEN)).all()]  # fmt: skip
                assert age, "the picture is only half drawn, or too old"
                run.append((now, age[-1], emulator.drawn_lists))
                before = now
            runs.append(run)
    assert runs[0] == runs[1]  # the result depends only on the sequence of steps


def test_after_a_load_pictures_do_not_depend_on_the_run_before(rom, display):
    with Emulator(rom("gpu"), video="glide64mk2", observation=ObservationFormat(48, 64, 3)) as emulator:
        emulator.step(21, GREEN)
        state = emulator.save_state()
        seen = []
        for vis in (1, 7, 30):
            emulator.step(vis, controller.D_UP)
            emulator.load_state(state)
            observations = [emulator.observation.copy()]
            for _ in range(4):
                emulator.step(1, GREEN)
                observations.append(emulator.observation.copy())
            seen.append(observations)
            assert (emulator.frame() == expected_picture(on_screen(emulator), GREEN)).all()
        assert np.array_equal(seen[0], seen[1])
        assert np.array_equal(seen[0], seen[2])


def xvfbs():
    """Return every Xvfb among this process's descendants."""
    return [process for process in psutil.Process().children(recursive=True) if process.name() == "Xvfb"]


@pytest.mark.parametrize("end", ["close", "kill"])
def test_without_a_display_the_emulator_starts_an_xvfb(rom, monkeypatch, end):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert not xvfbs()
    emulator = Emulator(rom("gpu"), video="glide64mk2", observation=ObservationFormat(240, 320, 3))
    emulator.step(20, GREEN)
    assert (emulator.frame() == expected_picture(on_screen(emulator), GREEN)).all()
    (server,) = xvfbs()
    if end == "kill":
        os.kill(emulator.pid, signal.SIGKILL)
    emulator.close()
    server.wait(5)


def test_pictures_drawn_by_the_cpu_are_shown_once_a_step(rom, display):
    """pad.S repaints its upper half in every VI. The observation must show the last one."""
    observation = ObservationFormat(1, 1, 3, (60, 300, 1, 1))
    with Emulator(rom("pad"), video="glide64mk2", observation=observation) as emulator:
        for vis in (6, 1, 2, 9):
            emulator.step(vis, controller.A)
            half = int(emulator.rdram[0x100000 // 4]) & 0xFFFF
            expected = [channel << 3 | channel >> 2 for channel in (half >> 11, half >> 6 & 31, half >> 1 & 31)]
            assert emulator.observation.reshape(3).tolist() == expected


@pytest.fixture(scope="module")
def syncs(tmp_path_factory):
    """Build the C file as a library; return a function that calls its display_list_syncs on given lists."""
    source = Path(n64gym.__file__).parents[1] / "lockstep" / "display_list.c"
    library = tmp_path_factory.mktemp("lists") / "display_list.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover", "-Wall", "-Werror",
                    "-o", library, source], check=True, timeout=60)  # fmt: skip
    function = ctypes.CDLL(str(library)).display_list_syncs
    function.restype = ctypes.c_bool

    def call(lists):
        rdram = np.zeros(1 << 16, np.uint32)
        for address, commands in lists.items():
            rdram[address // 4 : address // 4 + 2 * len(commands)] = np.array(commands, np.uint32).reshape(-1)
        return function(rdram.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint32(rdram.nbytes), ctypes.c_uint32(0x1000))

    return call


SYNC, RECTANGLE = (0xE9000000, 0), (0xF64FC3BC, 0)
F3D_END, F3D_CALL, F3D_BRANCH, F3D_SEGMENT_5 = (0xB8000000, 0), 0x06000000, 0x06010000, 0xBC001406
EX2_END, EX2_CALL, EX2_BRANCH, EX2_SEGMENT_5 = (0xDF000000, 0), 0xDE000000, 0xDE010000, 0xDB060014


@pytest.mark.parametrize(
    ("end", "call", "branch", "segment"),
    [(F3D_END, F3D_CALL, F3D_BRANCH, F3D_SEGMENT_5), (EX2_END, EX2_CALL, EX2_BRANCH, EX2_SEGMENT_5)],
)
def test_full_syncs_are_found_in_both_dialects(syncs, end, call, branch, segment):
    assert syncs({0x1000: [RECTANGLE, SYNC, end]})
    assert not syncs({0x1000: [RECTANGLE, end, SYNC]})
    for target in (0x2000, 0x80002000):
        assert syncs({0x1000: [(call, target), end], 0x2000: [SYNC, end]})
        assert syncs({0x1000: [(call, target), SYNC, end], 0x2000: [RECTANGLE, end]})
        assert not syncs({0x1000: [(call, target), RECTANGLE, end, SYNC], 0x2000: [RECTANGLE, end, SYNC]})
        assert syncs({0x1000: [(branch, target), end], 0x2000: [SYNC, end]})
        assert not syncs({0x1000: [(branch, target), SYNC], 0x2000: [RECTANGLE, end]})  # a branch does not return
    assert syncs({0x1000: [(segment, 0x80003000), (call, 0x05000100), end], 0x3100: [SYNC, end]})
    assert not syncs({0x1000: [(segment, 0x80003000), (call, 0x05000100), end], 0x3100: [end]})


def test_triangles_of_one_dialect_are_not_calls_of_the_other(syncs):
    assert not syncs({0x1000: [(0x06000204, 0x00060802), (0x06020400, 0x00000204), EX2_END]})


def test_lists_that_cannot_be_parsed_count_as_syncing(syncs):
    assert syncs({0x1000: [(0x80123456, 0x80200000), EX2_END]})  # no dialect has command 0x80
    assert syncs({0x1000: [(F3D_BRANCH, 0x1000)]})  # endless loop
    assert syncs({0x1000: [(F3D_CALL, 0x1000)]})  # endless recursion
    assert syncs({0x1000: [(F3D_BRANCH, 0x00FFFFF8)]})  # beyond the end of memory
    random_words = np.random.default_rng(0)
    for _ in range(300):  # on any input it must return and read nothing out of bounds
        syncs({0x1000: random_words.integers(0, 1 << 32, (200, 2), dtype=np.uint32)})
        syncs({0x1000: random_words.choice([0x06000000, 0xDE000000, 0xBC001406, 0x00001000, 0xB8000000], (200, 2))})
