"""The rules of racing, tested on the host build."""

import pytest
from host_kart import Driver, HostKart

from n64gym.games.openkart_telemetry import COUNTDOWN, COURSE_SELECT, RACE, RESULTS, TITLE
from n64gym.machine.controller import DRIVING, START, A, B, R, Z, word

FIXED = 65536
BACK_UP = word(B, y=-80)


def test_the_stages_follow_in_order_and_repeat(kart: HostKart, driver: Driver):
    kart.start()
    assert kart.step().stage == TITLE
    assert kart.step(A).stage == COURSE_SELECT
    assert kart.step(A, vis=20).stage == COURSE_SELECT, "a press must count once"
    kart.step()
    assert kart.step(A).stage == COUNTDOWN
    countdown = 0
    while kart.step(A).stage == COUNTDOWN:
        countdown += 1
        assert kart.telemetry.speed == 0
        assert kart.telemetry.race_time == 0
    assert countdown < 180
    now = kart.step()
    assert now.stage == RACE
    while now.stage == RACE:
        now = kart.step(driver(now))
        assert now.race_time < 120 * 60
    assert (now.stage, now.finished, now.laps_done) == (RESULTS, 1, 3)
    assert now.lap_time_1 + now.lap_time_2 + now.lap_time_3 == now.race_time
    total = now.race_time
    now = kart.step(vis=60)
    assert (now.finished, now.race_time) == (1, total)
    assert kart.step(A).stage == COURSE_SELECT
    kart.step()
    now = kart.step(A)
    assert (now.stage, now.finished, now.laps_done, now.lap_time_1) == (COUNTDOWN, 0, 0, 0)


def test_a_good_lap_takes_about_half_a_minute_and_needs_no_walls(kart: HostKart, driver: Driver):
    now = kart.go_to_race()
    off_road = 0
    fastest = 0
    while now.stage == RACE:
        now = kart.step(driver(now))
        off_road += now.off_road
        fastest = max(fastest, now.speed)
    for lap in (now.lap_time_1, now.lap_time_2, now.lap_time_3):
        assert 25 * 60 <= lap <= 35 * 60
    assert (off_road, now.wall_hits) == (0, 0)
    assert 70 < fastest / FIXED < 100, "the top speed must be 70 to 100 km/h"


def test_full_throttle_alone_leaves_the_road_at_the_first_bend(kart: HostKart):
    kart.go_to_race()
    now = kart.step(A, vis=60 * 60)
    assert now.race_progress < 0.3 * FIXED
    assert now.wall_hits > 0


def test_the_stick_steers_in_proportion(kart: HostKart):
    turned = []
    for x in (20, 40, 80, -40):
        before = kart.go_to_race().heading
        kart.step(A, vis=60)
        turned.append(((kart.step(word(A, x), vis=30).heading - before + 32768) & 0xFFFF) - 32768)
    soft, half, hard, left = turned
    assert 0 < soft < half < hard
    assert left == pytest.approx(-half, rel=0.1)


def test_the_brake_stops_and_the_stick_reverses(kart: HostKart):
    kart.go_to_race()
    fast = kart.step(A, vis=150)
    slowed = kart.step(B, vis=30)
    coasted_from = fast.speed
    assert slowed.speed < 0.7 * coasted_from
    assert kart.step(B, vis=200).speed == 0, "the brake alone must not reverse"
    stopped = kart.telemetry
    back = kart.step(BACK_UP, vis=90)
    assert back.speed < 0
    assert back.race_progress < stopped.race_progress


def test_driving_backwards_lowers_progress_without_taking_laps(kart: HostKart, driver: Driver):
    now = kart.go_to_race()
    while now.laps_done == 0:
        now = kart.step(driver(now))
    assert abs(now.lap_progress) < 0.01 * FIXED
    for _ in range(20 * 60):
        now = kart.step(BACK_UP)
        if now.lap_progress < -0.01 * FIXED:
            break
    assert now.lap_progress < 0
    assert now.laps_done == 1
    assert now.race_progress == FIXED + now.lap_progress
    while now.lap_progress < 0.1 * FIXED:  # crossing the line forwards again must not count as a lap
        now = kart.step(driver(now))
    assert now.laps_done == 1


def test_a_lap_cannot_be_shortened_across_the_infield(kart: HostKart):
    """A kart that is moved to another part of the course gets progress only for the distance that it drives."""
    now = kart.go_to_race()
    elsewhere = Driver().learn(kart)  # leaves the kart at the end of lap 1
    half_way = None
    now = kart.go_to_race()
    while now.race_progress < 0.55 * FIXED:
        now = kart.step(elsewhere(now))
        half_way = (now.x / FIXED, now.z / FIXED, now.heading / FIXED * 360)
    start = kart.go_to_race()
    for _ in range(20):
        kart.place(*half_way)
        now = kart.step(A)
    assert now.laps_done == 0
    assert abs(now.race_progress - start.race_progress) < 0.1 * FIXED


def test_grass_slows_the_kart(kart: HostKart):
    road = kart.go_to_race()
    road = kart.step(A, vis=200)
    grass = kart.go_to_race()
    for _ in range(200):
        push = 0 if grass.lateral < -1.5 * FIXED else -40
        keep = round(max(-80, min(80, -8 * grass.heading_error / FIXED * 360)))
        grass = kart.step(word(A, push or keep))
        if grass.off_road:
            break
    assert grass.off_road == 1
    for _ in range(150):
        keep = round(max(-80, min(80, -8 * grass.heading_error / FIXED * 360)))
        grass = kart.step(word(A, keep))
    assert grass.off_road == 1
    assert grass.speed < 0.65 * road.speed


def test_walls_stop_the_kart_and_can_be_left(kart: HostKart):
    for escape in ("reverse", "steer"):
        now = kart.go_to_race()
        kart.place(now.x / FIXED, now.z / FIXED, now.heading / FIXED * 360 + 90)
        now = kart.step(A, vis=240)
        assert now.wall_hits >= 1
        assert abs(now.lateral) < 2.3 * FIXED, "the kart must be inside the walls"
        assert abs(now.speed) < 8 * FIXED
        hit = now.race_progress
        for _ in range(5 if escape == "reverse" else 0):
            kart.step(BACK_UP, vis=20)
        for _ in range(8 * 60):
            error = now.heading_error / FIXED * 360 + now.lateral / FIXED * 14
            now = kart.step(DRIVING[7 if error > 10 else 11 if error < -10 else 1].word)
        assert now.race_progress > hit + 0.05 * FIXED, escape


def test_random_driving_never_leaves_the_walls(kart: HostKart):
    import numpy as np

    random = np.random.default_rng(64)
    kart.go_to_race()
    for _ in range(1500):
        buttons = DRIVING[random.integers(12)].word | int(random.choice([0, 0, R]))
        now = kart.step(buttons, vis=int(random.integers(1, 30)))
        assert abs(now.lateral) < 2.3 * FIXED
        assert abs(now.x) < 200 * FIXED
        assert abs(now.z) < 200 * FIXED


def test_driving_the_wrong_way_is_reported(kart: HostKart):
    now = kart.go_to_race()
    kart.place(now.x / FIXED, now.z / FIXED, now.heading / FIXED * 360 + 180)
    assert kart.step(A).wrong_way == 0, "the warning must not come at once"
    now = kart.step(A, vis=40)
    assert now.wrong_way == 1
    kart.place(now.x / FIXED, now.z / FIXED, (now.heading / FIXED) * 360 + 180)
    assert kart.step(A).wrong_way == 0


def test_a_hop_can_land_in_a_drift(kart: HostKart):
    kart.go_to_race()
    kart.step(A, vis=100)
    assert kart.step(A | R).y > 0
    assert kart.step(A, vis=40).y == 0
    kart.step(word(A | R, 60), vis=40)
    now = kart.telemetry
    assert (now.y, now.drifting) == (0, 1)
    assert kart.step(A).drifting == 0, "the drift must end with the button"


def test_a_drift_turns_tighter(kart: HostKart):
    turned = []
    for buttons in (A, A | R):
        kart.go_to_race()
        before = kart.step(A, vis=150).heading
        turned.append((kart.step(word(buttons, 80), vis=50).heading - before) & 0xFFFF)
    assert turned[1] > 1.1 * turned[0]


def test_pause_stops_the_race(kart: HostKart):
    kart.go_to_race()
    kart.step(A, vis=100)
    paused = kart.step(A | START)
    assert paused.paused == 1
    later = kart.step(A, vis=50)
    clocks = ("frames", "vis", "reads")
    assert later._replace(**dict.fromkeys(clocks, 0)) == paused._replace(**dict.fromkeys(clocks, 0))
    assert later.vis == paused.vis + 50
    resumed = kart.step(A | START)
    assert resumed.paused == 0
    assert resumed.race_time == paused.race_time + 1
    kart.step(START)
    kart.step(START)
    kart.step(0)
    kart.step(START)
    assert kart.step(Z).stage == COURSE_SELECT


def test_every_second_vi_draws_a_picture(kart: HostKart):
    kart.go_to_race()
    frames = [kart.step(A).frames for _ in range(40)]
    assert frames[-1] - frames[0] in (19, 20)
