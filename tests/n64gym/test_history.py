"""Movies, the history of controller reads, and states that contain the history repeat a run bit for bit."""

import gzip

import numpy as np
import pytest

from n64gym.machine import shared
from n64gym.machine.emulator import Emulator, EmulatorError, ObservationFormat
from n64gym.machine.rom import OPEN_KART
from n64gym.machine.state import State

BOOT_VIS = 120  # Open Kart computes its tables during these VIs
UNUSED_BITS = 0xC000  # the reserved bits of a BUTTONS word


@pytest.fixture(params=["pad", "reads", "blank", "openkart"])
def game(rom, request):
    """Return the path of a game. `pad` reads the controller once per VI. `reads` does so 0 to 3 times per VI, and also
    before its first VI. `blank` never does."""
    return OPEN_KART if request.param == "openkart" else rom(request.param)


def random_word(rng):
    return int(rng.integers(1 << 32)) & ~UNUSED_BITS


def replay(game, samples, vis):
    """Play `samples` from power-on for `vis` VIs; return RDRAM [2097152]."""
    with Emulator(game, movie=samples) as emulator:
        emulator.step(vis - emulator.vi_count)
        assert (emulator.vi_count, emulator.controller_reads) == (vis, len(samples))
        assert emulator.movie_position == len(samples)
        assert (emulator.samples() == samples).all()
        return emulator.rdram.copy()


def test_a_movie_made_by_hand_plays_in_steps_of_any_length():
    rng = np.random.default_rng(5)
    recorded = []
    with Emulator(OPEN_KART) as emulator:
        emulator.step(BOOT_VIS)
        recorded += [0] * emulator.controller_reads
        for _ in range(250):
            word, reads = random_word(rng), emulator.controller_reads
            emulator.step(int(rng.integers(1, 8)), word)
            recorded += [word] * (emulator.controller_reads - reads)
        assert len(recorded) > 600
        assert emulator.samples().tolist() == recorded
        vis, expected = emulator.vi_count, emulator.rdram.copy()
    for step in (1, 7, 600):
        with Emulator(OPEN_KART) as emulator:
            assert emulator.controller_reads == 0
            emulator.play(np.array(recorded, np.uint32))
            while emulator.vi_count < vis:
                emulator.step(min(step, vis - emulator.vi_count), buttons=random_word(rng))  # the movie overrides these
            assert emulator.movie_position == len(recorded)
            assert (emulator.rdram == expected).all()


def test_buttons_count_again_after_a_movie(rom):
    with Emulator(rom("pad")) as emulator:
        emulator.play(np.array([1, 2, 3], np.uint32))
        emulator.step(2, buttons=9)
        assert emulator.movie_position == 2
        emulator.step(3, buttons=9)
        assert emulator.movie_position == 3
        assert emulator.samples().tolist() == [1, 2, 3, 9, 9]
        emulator.play(np.array([7], np.uint32))
        emulator.step(2, buttons=8)
        assert emulator.samples().tolist() == [1, 2, 3, 9, 9, 7, 8]


def test_loading_a_state_ends_the_movie(rom):
    with Emulator(rom("pad")) as emulator:
        emulator.step(2, buttons=5)
        state = emulator.save_state()
        emulator.play(np.arange(100, 110, dtype=np.uint32))
        emulator.step(3)
        emulator.load_state(state)
        emulator.step(1, buttons=6)
        assert emulator.samples().tolist() == [5, 5, 6]
        assert emulator.movie_position == 0


def test_controllers_that_the_game_does_not_read_are_not_recorded(rom):
    with Emulator(rom("pad"), controllers=4) as emulator:
        emulator.step(3, buttons=5)
        assert emulator.samples().tolist() == [5, 5, 5]


@pytest.mark.parametrize("seed", range(2))
def test_replaying_the_history_after_saves_and_loads_gives_the_same_rdram(game, seed):
    """Save and load states at random, nested ones too. Then play all recorded reads from power-on and compare RDRAM."""
    rng = np.random.default_rng(seed)
    states = []
    with Emulator(game) as emulator:
        emulator.step(BOOT_VIS * (game == OPEN_KART) + 1)
        for _ in range(60):
            emulator.step(int(rng.integers(1, 9)), random_word(rng))
            what = rng.random()
            if what < 0.2:
                vis, reads = emulator.vi_count, emulator.controller_reads
                states.append(emulator.save_state())
                assert (emulator.vi_count, emulator.controller_reads) == (vis, reads)
                assert (states[-1].vi_count, len(states[-1].samples)) == (vis, reads)
            elif what < 0.5 and states:
                state = states[rng.integers(len(states))]
                emulator.load_state(state)
                assert emulator.vi_count == state.vi_count
                assert (emulator.samples() == state.samples).all()
        samples, vis, rdram = emulator.samples(), emulator.vi_count, emulator.rdram.copy()
    assert (replay(game, samples, vis) == rdram).all()


def test_saves_and_loads_do_not_change_a_run(game):
    """Compare three runs: without savestates, with a save at every step, and with a save and a load at every step."""
    rng = np.random.default_rng(9)
    steps = [(int(rng.integers(1, 6)), random_word(rng)) for _ in range(12)]
    runs = []
    for disturb in (
        lambda emulator: None,
        Emulator.save_state,
        lambda emulator: emulator.load_state(emulator.save_state()),
    ):
        with Emulator(game, observation=ObservationFormat(24, 32, 3)) as emulator:
            emulator.step(BOOT_VIS)
            seen = []
            for vis, word in steps:
                disturb(emulator)
                emulator.step(vis, word)
                seen.append((emulator.rdram.copy(), emulator.observation.copy(), emulator.samples(), emulator.vi_count))
            runs.append(seen)
    for run in runs[1:]:
        for found, expected in zip(run, runs[0], strict=True):
            assert found[3] == expected[3]
            for one, other in zip(found[:3], expected[:3], strict=True):
                np.testing.assert_array_equal(one, other)


def test_two_saves_without_a_step_between_return_the_same_state(rom):
    with Emulator(rom("pad")) as emulator:
        emulator.step(3, 5)
        state = emulator.save_state()
        assert emulator.save_state() is state
        emulator.step(2)
        emulator.load_state(state)
        emulator.load_state(state)  # the core ignores a second request in the same VI, so it must wait for the next VI
        assert (emulator.vi_count, emulator.save_state()) == (4, state)
        emulator.step(1, 6)
        assert emulator.save_state() is not state
        assert emulator.samples().tolist() == [5, 5, 5, 6]


def test_a_load_does_not_depend_on_the_run_before(game):
    """Before the load takes effect, the old run reads the controller once more. That read must have no effect."""
    with Emulator(game) as emulator:
        emulator.step(BOOT_VIS, 3)
        state = emulator.save_state()
        ends = []
        for word in (0xFF, 0, 0xFF):
            emulator.step(40, word)
            emulator.load_state(state)
            ends.append((emulator.vi_count, emulator.samples().tolist(), emulator.rdram.copy()))
        for vis, samples, rdram in ends[1:]:
            assert (vis, samples) == ends[0][:2]
            assert (rdram == ends[0][2]).all()


def test_another_emulator_can_load_a_state_from_bytes(game):
    with Emulator(game) as emulator:
        emulator.step(BOOT_VIS + 80, 0x80)
        data = emulator.save_state().data()
        emulator.step(9, 0x80)
        vis, samples, rdram = emulator.vi_count, emulator.samples(), emulator.rdram.copy()
    assert len(data) < 1 << 20
    with Emulator(game) as emulator:
        state = State.from_data(data)
        assert state.data() == data
        emulator.load_state(state)
        emulator.step(9, 0x80)
        assert emulator.vi_count == vis
        assert (emulator.samples() == samples).all()
        assert (emulator.rdram == rdram).all()


def test_damaged_states_are_refused(rom):
    with Emulator(rom("pad")) as emulator:
        emulator.step(5)
        data = emulator.save_state().data()
    for damaged in (b"", b"not a state", data[:-9], data[: len(data) // 2], gzip.compress(b""), gzip.compress(b"1234")):
        with pytest.raises(ValueError, match="not a savestate, or a damaged one"):
            State.from_data(damaged)


@pytest.mark.parametrize("keep", [0, 8, 43, 44, 1000, 16_000_000])
def test_loading_garbage_is_an_error(rom, keep):
    """The state's beginning is valid; the rest is noise or is missing."""
    with Emulator(rom("pad"), timeout=3.0) as emulator:
        emulator.step(5)
        plain = gzip.decompress(emulator.save_state().data())
        begin = 24 + 4 * 5 + shared.SAVES_BYTES  # counts, samples of the controller, saves
        head, machine = plain[:begin], plain[begin:]
        with pytest.raises(ValueError, match="ends early"):
            State.from_data(gzip.compress(head[:-1], 1))
        for rest in (b"", bytes(np.random.default_rng(1).integers(0, 256, 10_000, np.uint8))):
            state = State.from_data(gzip.compress(head + machine[:keep] + rest, 1))
            victim = Emulator(rom("pad"), timeout=3.0)
            with pytest.raises(EmulatorError, match=r"cannot be loaded|has died|has not answered"):
                victim.load_state(state)
            with pytest.raises(EmulatorError, match="closed"):
                victim.step()


def test_a_state_of_another_rom_is_refused(rom):
    with Emulator(rom("pad")) as one, Emulator(rom("blank")) as other:
        state = one.save_state()
        with pytest.raises(EmulatorError, match="damaged or another ROM's"):
            other.load_state(state)


def test_a_movie_or_run_that_is_too_long_is_refused(rom, monkeypatch):
    with Emulator(rom("pad")) as emulator:
        with pytest.raises(ValueError, match=r"has 4194305 samples; expected at most 4194304"):
            emulator.play(np.zeros(shared.SAMPLES + 1, np.uint32))
        emulator.step(11)
        monkeypatch.setattr(shared, "SAMPLES", 10)
        with pytest.raises(ValueError, match="11 times; at most 10 are recorded"):
            emulator.samples()
