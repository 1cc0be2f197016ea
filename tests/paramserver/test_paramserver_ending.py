"""The limits that end a run (steps, time, reward), and an evaluator's scores. Without sockets."""

import json

import numpy as np
import pytest
from in_process import ONES, ROLLOUT, SIGNATURE, SPECS, Clock, connection, make_client, push, refusal

from a3c64.envs.episode import Episode
from a3c64.envs.figures import Figure, Figures
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.evaluations import Evaluations, charted, evaluation, text
from a3c64.paramserver.run_folder import RunFolder
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy import checkpoint
from a3c64.wire import messages as wire
from a3c64.wire import status
from a3c64.wire.evaluator_client import DoneError, EvaluatorClient
from a3c64.wire.report import Evaluation, ServerReport

RACE = Figures([Figure("best_lap_s", "best lap", "s", "least")])


def make(snapshot=None, evaluations=None, **hyperparameters):
    clock = Clock()
    weights = SharedWeights(Hyperparameters(**(ROLLOUT | hyperparameters)), snapshot)
    return Service(weights, "run", ServerReport(), clock, evaluations), clock


def working(service):
    client = make_client(service)
    client.hello()
    client.join(SPECS, RACE)
    return client


def evaluator(service):
    client = make_client(service, "e", EvaluatorClient)
    client.hello()
    return client


def episodes(*rewards):
    return [Episode(reward, 10, {}) for reward in rewards]


def test_no_gradient_is_applied_after_the_last_step():
    service, _ = make(total_timesteps=20)
    one = working(service)
    assert push(one, 0).finished
    weights = service.weights.vector.copy()
    late = push(one, 1)
    assert (late.accepted, late.finished, late.step) == (False, True, 20)
    np.testing.assert_array_equal(late.weights, weights)


def test_time_counts_only_with_workers_and_continues_after_a_restart():
    service, clock = make(time_limit=100.0)
    clock.now += 50
    service.look()
    assert service.seconds == 0, "time without workers must not count"
    client = working(service)
    clock.now += 60
    service.look()
    assert (service.seconds, service.over) == (60, "")

    service, clock = make(service.snapshot(), time_limit=100.0)
    client = working(service)
    clock.now += 39
    service.look()
    assert not push(client, 0).finished
    clock.now += 1
    service.look()
    assert push(client, 1).finished
    assert "trained for 100 s" in service.over


def test_without_an_evaluator_the_last_hundred_episodes_decide():
    service, _ = make(stop_at_reward=5.0, t_max=25)
    client = working(service)
    push(client, 0, steps=100, episodes=episodes(*[9.0] * 99))
    service.look()
    assert not service.over, "the run must not end before a hundred episodes"
    push(client, 1, steps=100, episodes=episodes(*[4.0] * 90))
    service.look()
    assert not service.over
    push(client, 2, steps=100, episodes=episodes(*[5.5] * 90))
    service.look()
    assert "last 100 episodes had a mean return of 5.35" in service.over


def test_with_an_evaluator_its_scores_decide():
    service, _ = make(stop_at_reward=5.0, t_max=25)
    client, judge = working(service), evaluator(service)
    push(client, 0, steps=100, episodes=episodes(*[9.0] * 100))
    service.look()
    assert not service.over, "only the evaluator's episodes must count"
    update = judge.pull()
    assert judge.score(update, episodes(4.0, 4.0))
    assert not push(client, 1, steps=100).finished
    update = judge.pull()
    assert judge.score(update, episodes(4.0, 6.0))
    assert push(client, 2, steps=100).finished
    assert "at step 200 had a mean return of 5.00" in service.over
    with pytest.raises(DoneError):
        judge.pull()
    again, _ = make(service.snapshot(), service.evaluations, stop_at_reward=5.0)
    again.look()
    assert again.over, "the run must be over after a restart too"


def test_evaluations_say_whether_their_actions_were_drawn(tmp_path):
    for settings, actions in (({}, "greedy"), ({"eval_policy": "drawn"}, "drawn")):
        service, _ = make(stop_at_reward=5.0, **settings)
        client, judge = working(service), evaluator(service)
        push(client, 0)
        judge.score(judge.pull(), episodes(6.0))
        one = service.evaluations.last
        assert one.actions == actions
        assert text(one, RACE) == f"evaluated at step 20 | {actions} return 6.00"
        assert service.over.startswith(f"the {actions} evaluation at step 20 had a mean return of 6.00")
        assert f"evaluated best: step 20, {actions} return 6.00" in status.text(service.report())
        folder = RunFolder(tmp_path, keep=5)
        folder.record(service.evaluations.all)
        assert json.loads((tmp_path / "evaluation.json").read_text())[0]["actions"] == actions
    plain = {name: value for name, value in one.plain().items() if name != "actions"}
    assert Evaluation.of(plain).actions == "greedy", "as in earlier releases"


def test_the_last_weights_are_evaluated():
    service, _ = make(total_timesteps=20)
    client, judge = working(service), evaluator(service)
    assert judge.pull().version == 0
    push(client, 0)
    update = judge.pull()
    assert (update.finished, service.finally_scored) == (True, False)
    assert judge.score(update, episodes(1.0))
    assert service.finally_scored
    with pytest.raises(DoneError, match="20 steps"):
        judge.pull()


def test_best_has_the_weights_that_were_evaluated(tmp_path):
    service, clock = make(learning_rate=0.1)
    client, judge = working(service), evaluator(service)
    folder = RunFolder(tmp_path, keep=5)

    def write_down():
        for _, best in service.scored:
            if best:
                folder.save_best(best)
                assert folder.catch_up()
        folder.record(service.evaluations.all)
        service.scored.clear()

    clock.now += 7
    service.look()
    evaluated = judge.pull()
    kept = evaluated.weights.copy()
    push(client, 0)
    judge.score(evaluated, [Episode(3.0, 10, {"finished": 1.0, "best_lap_s": 31.0}), Episode(5.0, 20, {"finished": 0})])
    write_down()
    judge.score(judge.pull(), episodes(2.0))
    write_down()

    best = checkpoint.newest(tmp_path / "best")
    np.testing.assert_array_equal(best.weights, kept)
    assert (best.step, best.seconds, best.score["mean_reward"]) == (0, 7.0, 4.0)
    again = folder.evaluations()
    assert again.best == service.evaluations.best
    assert again.best.mean_reward == 4.0
    assert [one.mean_reward for one in again.all] == [4.0, 2.0]
    assert again.all == service.evaluations.all
    assert charted(again.all[0]) == {
        "eval/mean_reward": 4.0,
        "eval/mean_length": 15.0,
        "eval/finished": 0.5,
        "eval/best_lap_s": 31.0,
    }
    assert not again.add(evaluation(40, 2, 9.0, episodes(3.9)))
    assert again.add(evaluation(60, 3, 9.0, episodes(4.1)))


def test_a_better_score_of_an_earlier_step_replaces_the_best(tmp_path):
    folder = RunFolder(tmp_path, keep=5)
    first = checkpoint.first(SPECS, 0, {})
    folder.save_best(first._replace(step=90, score={"mean_reward": 1.0}))
    assert folder.catch_up()
    folder.save_best(first._replace(step=40, score={"mean_reward": 2.0}))
    assert folder.catch_up()
    assert checkpoint.newest(tmp_path / "best").step == 40


def test_evaluations_that_cannot_be_read_are_set_aside(tmp_path, caplog):
    (tmp_path / "evaluation.json").write_text('[{"step": 1}]')
    assert RunFolder(tmp_path, keep=5).evaluations().all == []
    assert "evaluation.json is damaged and was set aside: version: Field required\n" in caplog.text
    assert (tmp_path / "evaluation.json.damaged").exists()


def test_an_evaluator_does_not_count_as_a_worker():
    service, _ = make()
    judge = evaluator(service)
    assert judge.pull() is None, "there must be no weights before the first worker"
    assert (len(service.roster), len(service.evaluators)) == (0, 1)
    client = working(service)
    assert client.index == 0
    gradient = wire.encode(9, wire.Push(SIGNATURE, 0, 20, {}, []), ONES)
    assert refusal(service, connection(judge), gradient).remedy == "hello"
    assert refusal(service, connection(client), wire.encode(9, wire.Pull())).remedy == "hello"
    judge.close()
    assert len(service.evaluators) == 0


GOOD = wire.Score(SIGNATURE, 0, 0, [[1.0, 20, {}]])


@pytest.mark.parametrize(
    ("body", "vector", "reason"),
    [
        (GOOD, ONES[:7], "the vector must have 8 numbers, found 7"),
        (GOOD._replace(signature="x"), ONES, "found x"),
        (GOOD._replace(version=1), ONES, "version must be 0 to 0 (the newest), found 1"),
        (GOOD._replace(step=1), ONES, "score.step must be 0 to 0, found 1"),
        (GOOD._replace(episodes=[]), ONES, "at least one episode, found 0"),
        (GOOD._replace(episodes=[[float("nan"), 1, {}]]), ONES, "an episode must be"),
        (GOOD._replace(episodes=[[1e29, 1, {}]]), ONES, "a score must be from -1e+09 to 1e+09, found 1e+29"),
        (GOOD, ONES, "must be those that were pulled at version 0, step 0"),
        (GOOD, np.full(8, np.nan, np.float32), "must be those that were pulled"),
    ],
)
def test_a_refused_score_changes_nothing(body, vector, reason):
    service, _ = make()
    working(service)
    judge = evaluator(service)
    assert reason in refusal(service, connection(judge), wire.encode(5, body, vector)).reason
    assert service.evaluations.all == []
    assert service.scored == []


@pytest.mark.parametrize("rewards", [[1.0, 5.0], [1.0, 1.0]])
def test_a_second_score_of_the_same_weights_counts_unless_it_is_a_repetition(rewards):
    """This happens if the answer to the first score was lost, or if there are two evaluators."""
    service, _ = make()
    working(service)
    judge = evaluator(service)
    update = judge.pull()
    for reward in rewards:
        assert judge.score(update, episodes(reward))
    assert [one.mean_reward for one in service.evaluations.all] == sorted(set(rewards))
    assert service.evaluations.best.mean_reward == max(rewards)


def test_a_schedule_continues_after_a_restart(tmp_path):
    def run(service, updates):
        client = working(service)
        rates = []
        for _ in range(updates):
            push(client, service.weights.version)
            rates.append(service.scalars()["train/learning_rate"])
        return rates

    settings = {"learning_rate": 0.1, "learning_rate_schedule": "linear", "total_timesteps": 400, "target_kl": 0.0}
    whole, _ = make(**settings)
    expected = run(whole, 20)
    first, _ = make(**settings)
    rates = run(first, 7)
    checkpoint.save(tmp_path, first.snapshot())
    second, _ = make(checkpoint.newest(tmp_path), **settings)
    rates += run(second, 13)
    assert rates == expected
    assert expected[0] == pytest.approx(0.095)
    assert expected[-1] == 0.0
    np.testing.assert_array_equal(second.weights.vector, whole.weights.vector)


def test_old_checkpoints_load(tmp_path):
    path = checkpoint.save(tmp_path, checkpoint.first(SPECS, 0, {})._replace(step=10, seconds=5.0))
    assert checkpoint.load(path).seconds == 5.0
    state = json.loads((path / "state.json").read_text())
    for name in ("seconds", "score"):
        del state[name]
    (path / "state.json").write_text(json.dumps(state))
    old = checkpoint.load(path)
    assert (old.step, old.seconds, old.score) == (10, 0.0, None)


def test_the_report_has_the_best_and_the_last_evaluation():
    many = Evaluations([evaluation(step, step, 0.0, episodes(reward)) for step, reward in ((1, 2.0), (2, 1.0))])
    report = many.report()
    assert (report.last.step, report.best.step, report.count) == (2, 1, 2)
    assert Evaluations().report() is None
