"""Figures that environments declare. Every output also shows the figures of a game that is not a race."""

import json

import gymnasium as gym
import pytest
import tiny_env  # noqa: F401
from in_process import SPECS, make_client, make_service, push

import n64gym  # noqa: F401
from a3c64.cli.watch import lines
from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figure, Figures, declared_by, declared_in
from a3c64.envs.making import declared_for
from a3c64.paramserver import evaluations
from a3c64.paramserver.tensorboard.layout import layout
from a3c64.paramserver.web.sparklines import Sparklines
from a3c64.report import page
from a3c64.wire import messages as wire
from a3c64.wire.report import Evaluation
from a3c64.wire.status import text

FIGHT = declared_for("TinyFight-v0")
SMASH = declared_for("n64gym/SuperSmashBros-v0")
RACE = declared_for("n64gym/OpenKart-v0")
FOUGHT = [  # as Super Smash Bros. reports them
    Episode(10.0, 30, {"kills": 2.0, "deaths": 1.0, "won": 1.0, "damage_dealt": 150.0, "reward_kill": 400.0}),
    Episode(-5.0, 20, {"kills": 0.0, "deaths": 3.0, "won": 0.0, "damage_dealt": 50.0, "reward_kill": 0.0}),
]


def service_with_fights():
    service = make_service(env_id="n64gym/SuperSmashBros-v0")
    client = make_client(service)
    client.hello()
    client.join(SPECS, SMASH)
    push(client, 0, episodes=FOUGHT)
    service.evaluations.add(evaluations.evaluation(20, 1, 2.0, FOUGHT, service.metrics.declared))
    return service


def test_figures_of_a_fight_are_in_every_line_about_the_run():
    report = service_with_fights().report()
    line = "won 50% | kills 1.00 | deaths 2.00 | damage dealt 100.00 %"
    assert line in lines(report, "here", 0.0)
    assert " | ".join(figure.say() for figure in report.headlines) == line
    assert evaluations.text(report.evaluation.last, SMASH).endswith(line)
    assert "evaluated best: step 20, greedy return 2.50, won 50%, kills 1.00, deaths 2.00" in text(report)
    assert "damage dealt            100.00 %" in text(report)


def test_figures_stay_declared_when_a_worker_refreshes_its_weights():
    service = make_service(env_id="n64gym/SuperSmashBros-v0")
    client = make_client(service)
    client.hello()
    client.join(SPECS, SMASH)
    client.refresh()
    assert service.metrics.declared.declared == SMASH.declared


def test_figures_of_a_fight_are_on_the_pages():
    service = service_with_fights()
    report, sparklines = service.report(), Sparklines()
    sparklines.add(0.0, report)
    assert sparklines.points()["figures"] == {"won": [0.5], "kills": [1.0], "deaths": [2.0], "damage_dealt": [100.0]}
    groups = {one.title: [chart.title for chart in one.chart] for one in layout(FOUGHT[0].metrics, SMASH).category}
    assert groups["The environment"] == ["Won, share", "Kills", "Deaths", "Damage dealt, %", "Reward"]
    assert "<b>50%</b>" in page.facts(FOUGHT, SMASH)
    assert "<b>100.00</b> <i>%</i><span>mean damage dealt</span>" in page.facts(FOUGHT, SMASH)
    assert evaluations.charted(report.evaluation.last)["eval/damage_dealt"] == 100.0


def test_undeclared_figures_are_shown_as_means():
    service = make_service()
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    push(client, 0, episodes=[Episode(1.0, 9, {"lives": lives, "boss_time_s": 40.0}) for lives in (1.0, 2.0)])
    said = [figure.say() for figure in service.report().headlines]
    assert said == ["lives 1.50", "boss time 40.00 s"]


def test_figures_are_summarised_as_declared():
    episodes = [Episode(0.0, 1, {"a": value, "b": value, "c": value, "d": value}) for value in (1.0, 0.0, 0.0, 1.0)]
    figures = Figures(
        Figure(name, name, "", kind) for name, kind in zip("abcd", ("mean", "least", "most", "rate"), strict=True)
    )
    assert figures.sum_up([*episodes, Episode(0.0, 1, {})]) == {"a": 0.5, "b": 0.0, "c": 1.0, "d": 0.5}
    assert [figures[name].show(1234.5) for name in "abc"] == ["1,234"] * 3
    assert (figures["d"].say(0.5), figures["d"].say_once(1.0), figures["d"].say_once(0.0)) == ("d 50%", "d", "not d")


def test_the_most_is_taken_over_the_whole_run():
    service = make_service(t_max=25)
    client = make_client(service)
    client.hello()
    client.join(SPECS, FIGHT)
    for best in (5.0, 1.0):
        push(client, 0, steps=100, episodes=[Episode(1.0, 9, {"score": best})] * 100)
    [score] = service.report().figures
    assert (score.say(), score.mean) == ("high score 5.00", 1.0)


def test_a_star_in_a_name_declares_a_series():
    lap = RACE["lap_2_s"]
    assert (lap.label, lap.unit, lap.title) == ("lap time 2", "s", "Lap time 2, s")
    races = [
        Episode(0.0, 1, {"lap_1_s": 31.0, "lap_2_s": 30.0, "best_lap_s": 30.0}),
        Episode(0.0, 1, {"lap_1_s": 33.0}),
    ]
    [(figure, values)] = RACE.series(races).items()
    assert (figure.title, values) == ("Lap time, s", [31.0, 30.0, 33.0])
    assert [one.name for one in RACE.grouped(["lap_2_s", "best_lap_s", "lap_1_s", "other"])] == [
        "best_lap_s",
        "lap_*_s",
        "other",
    ]
    assert FIGHT.series(FOUGHT) == {}


def test_an_environment_and_its_class_declare_the_same():
    with gym.make("TinyFight-v0") as env:
        assert declared_by(env).declared == FIGHT.declared
    with gym.make("CartPole-v1") as env:
        assert declared_by(env).declared == ()
    assert declared_for("nowhere/Nothing-v9").declared == ()


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"a": {"summary": "max"}}, "'a'.*summary must be one of mean, least, most, rate, found 'max'"),
        ({"a": {"sumary": "most"}}, "'a'.*found sumary, expected.*did you mean summary"),
        ({"a": {"headline": 1}}, "headline must be True or False"),
        ({"a": {"unit": 5}}, "unit must be a text"),
        ({"a": {"label": "x" * 65}}, "label must be a text of at most 64"),
        ({"a": "most"}, "found most, expected"),
        ({"": {}}, "name must be a text"),
        ({"*_*": {}}, "at most one \\*, found"),
        ({3: {}}, "a name must be a text, found 3"),
        (["a"], "must be a dict"),
        ({str(n): {} for n in range(65)}, "at most 64"),
    ],
)
def test_an_invalid_declaration_is_a_one_line_error(figures, message):
    with pytest.raises(BadInputError, match=f"(?s)^Mine: .*{message}") as caught:
        declared_in({"figures": figures}, "Mine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [[1], [["a"]], [["a", "a", "", "max", True]], [["a", "a", 1, "mean", True]], [["a", "a", "", "mean", 1]] * 65],
)
def test_figures_in_a_message_are_checked(raw):
    with pytest.raises(wire.WireError):
        wire.unpack_figures(raw)


def test_encoding_does_not_change_figures():
    frames = wire.encode(1, wire.Join([["w", [2], 1.0]], list(RACE.declared)))
    assert wire.unpack_figures(wire.decode(frames).body.figures).declared == RACE.declared


def test_evaluations_of_release_0_1_are_read_under_todays_names():
    old = {"step": 1, "version": 1, "seconds": 1.0, "episodes": 2, "mean_reward": 3.0, "mean_length": 4.0}
    read = Evaluation.model_validate(old | {"means": {"finish_rate": 0.5, "best_lap": 31.0, "progress": 2.0}})
    assert read.figures == {"finished": 0.5, "best_lap_s": 31.0, "progress": 2.0}
    assert Evaluation.model_validate(json.loads(read.model_dump_json())) == read


def test_undeclared_names_make_readable_labels():
    assert UNDECLARED["boss_time_s"] == Figure("boss_time_s", "boss time", "s")
