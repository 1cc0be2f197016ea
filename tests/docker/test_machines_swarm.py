"""deploy/swarm on a real Swarm of three nodes, which lose power. The tests share it, so their order matters.

The file's name sorts before those that start the Compose stack, whose workers would share the processors with it.
"""

import json
from collections.abc import Iterator

import pytest
from conftest import skip_or_fail
from stack import BUILD_S, Stack, wait_for
from swarm import Swarm
from swarm_nodes import Nodes, missing

pytestmark = [pytest.mark.docker, pytest.mark.timeout(2 * BUILD_S + 1200)]

START_S = 600  # conditions end much earlier; this is for machines with other work
IMAGES = ("a3c64-paramserver", "a3c64-worker")


@pytest.fixture(scope="module")
def swarm(engine: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A run that trains with two workers."""
    if why := missing():
        skip_or_fail(why)
    Stack("a3c64-e2e-swarm").make("build", timeout=BUILD_S)
    with Nodes(3, IMAGES) as nodes:
        swarm = Swarm(nodes, tmp_path_factory.mktemp("deploy") / "swarm")
        swarm.deploy(2)
        failed = request.session.testsfailed
        try:
            swarm.wait_for_training(2, START_S)
            yield swarm
        finally:
            if request.session.testsfailed > failed or not swarm.steps():
                print(swarm.logs())


def test_workers_are_spread_over_the_nodes_and_scaled(swarm: Swarm) -> None:
    assert len({task.node for task in swarm.tasks("worker")}) == 2
    assert [task.node for task in swarm.tasks("paramserver")] == ["node2"]
    swarm.scale(3)
    swarm.wait_for_training(3, START_S)
    assert {task.node for task in swarm.tasks("worker")} == {"node1", "node2", "node3"}


def test_every_node_reaches_the_page_with_the_workers_screens(swarm: Swarm) -> None:
    def screens() -> list[str]:
        report = json.loads(swarm.page("6080/run.json", swarm.third) or '{"workers": []}')
        return [worker["screen"] for worker in report["workers"] if worker["screen"]]

    wait_for("three screens", lambda: len(screens()) == 3, START_S)
    wait_for("TensorBoard", lambda: "<" in swarm.page("12345/", swarm.third), START_S)


def test_training_goes_on_when_a_node_is_lost_and_its_workers_start_elsewhere(swarm: Swarm) -> None:
    lost = {task.id for task in swarm.tasks("worker") if task.node == "node3"}
    assert lost
    before = swarm.steps()
    swarm.third.lose_power()
    before = swarm.wait_for_steps(before, START_S)

    def moved() -> bool:
        tasks = swarm.tasks("worker")
        return len(tasks) == 3 and all(task.node != "node3" and task.state == "Running" for task in tasks)

    wait_for("three workers on two nodes", moved, START_S)
    swarm.wait_for_training(3, START_S)
    swarm.wait_for_steps(before, START_S)


def test_a_node_that_is_back_gets_workers_again(swarm: Swarm) -> None:
    swarm.turn_on(swarm.third)
    wait_for("node3 to be ready", lambda: swarm.is_ready(swarm.third), START_S)
    swarm.scale(2)
    wait_for("two workers", lambda: len(swarm.tasks("worker")) == 2, START_S)
    swarm.scale(3)
    wait_for("a worker on node3", lambda: "node3" in {task.node for task in swarm.tasks("worker")}, START_S)
    swarm.wait_for_training(3, START_S)


def test_a_wrong_setting_is_taken_back(swarm: Swarm) -> None:
    before = wait_for("a checkpoint", swarm.newest_checkpoint, START_S)
    swarm.deploy(3, A3C64_LEARNING_RATE="-1")
    state = ("service", "inspect", "--format", "{{.UpdateStatus.State}}", "a3c64_paramserver")
    wait_for("a rollback", lambda: swarm.manager.docker(*state) == "rollback_completed", START_S)
    swarm.wait_for_steps(before, START_S)
    swarm.deploy(3)


def test_training_goes_on_without_the_manager(swarm: Swarm) -> None:
    swarm.wait_for_training(3, START_S)
    lost = {task.id for task in swarm.tasks("worker") if task.node == "node1"}
    before = swarm.steps()
    swarm.manager.lose_power()
    swarm.wait_for_steps(before, START_S)
    swarm.turn_on(swarm.manager)
    wait_for("all nodes to be ready", lambda: all(swarm.is_ready(node) for node in swarm.nodes), START_S)
    wait_for("new workers for those of node1", lambda: not lost & swarm.running("worker"), START_S)
    swarm.wait_for_training(3, START_S)


def test_the_run_continues_when_the_servers_node_is_back(swarm: Swarm) -> None:
    swarm.wait_for_training(3, START_S)
    elsewhere = {task.id for task in swarm.tasks("worker") if task.node != "node2"}
    checkpoint = wait_for("a checkpoint", swarm.newest_checkpoint, START_S)
    swarm.home.lose_power()
    wait_for("the loss of node2", lambda: not swarm.is_ready(swarm.home), START_S)
    wait_for("a server that waits", lambda: {task.state for task in swarm.tasks("paramserver")} == {"Pending"}, START_S)
    swarm.turn_on(swarm.home)
    wait_for("the server", swarm.steps, START_S)
    assert swarm.steps() >= checkpoint
    swarm.wait_for_training(3, START_S)
    swarm.wait_for_steps(swarm.steps(), START_S)
    # The workers waited for the server. Swarm may have stopped one: a manager that was off can take a node for lost.
    ended = {"Failed", "Complete"}
    assert not [task for task in swarm.tasks("worker", ended=True) if task.id in elsewhere and task.state in ended]
    assert "resuming at step" in swarm.server_log()
