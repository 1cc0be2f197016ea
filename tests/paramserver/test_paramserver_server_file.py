"""server.json: commands find a run's server through its folder. A clean stop removes the file."""

import json
import signal

from live import until

from a3c64.wire import server_file


def test_status_finds_the_server_by_the_run_folder(stack):
    server = stack.start("a3c64.paramserver", tensorboard_port=0)
    until(lambda: server_file.read(stack.run_dir), 60, "server.json")
    found = server_file.read(stack.run_dir)
    assert found == server_file.ServerFile(stack.address, server.pid, 0, 0, "keys/client")
    nowhere = {"server": "", "bind": ""}
    by_folder = stack.run("a3c64", "status", "--run-dir", str(stack.run_dir), "--json", **nowhere)
    assert by_folder.returncode == 0, by_folder.stderr
    assert json.loads(by_folder.stdout)["server"]["pid"] == server.pid
    watching = stack.start("a3c64", "watch", "--run-dir", str(stack.run_dir), **nowhere)
    until(lambda: "steps/s" in stack.log(watching), 60, "a line of watch")

    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    assert not (stack.run_dir / server_file.NAME).exists()
    gone = stack.run("a3c64", "status", "--run-dir", str(stack.run_dir), **nowhere)
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1), gone.stderr
    assert f"no server runs in {stack.run_dir}" in gone.stderr


def test_a_killed_server_leaves_its_file_and_the_next_one_replaces_it(stack):
    first = stack.start("a3c64.paramserver")
    until(lambda: server_file.read(stack.run_dir), 60, "server.json")
    first.kill()
    first.wait()
    assert server_file.read(stack.run_dir).pid == first.pid
    silent = stack.run("a3c64", "status", "--run-dir", str(stack.run_dir))
    assert (silent.returncode, silent.stderr.count("\n")) == (1, 1), silent.stderr
    assert f"no server answers at {stack.address}" in silent.stderr
    second = stack.start("a3c64.paramserver")
    until(lambda: server_file.read(stack.run_dir).pid == second.pid, 60, "the second server's file")


def test_a_server_removes_only_its_own_file(tmp_path):
    other = server_file.ServerFile("tcp://127.0.0.1:1", 1, 2, 3, "")
    server_file.write(tmp_path, other)
    server_file.remove(tmp_path)
    assert server_file.read(tmp_path) == other
    for damaged in ("", "[]", "{}", '{"bind": 1}', "\xff"):
        (tmp_path / server_file.NAME).write_text(damaged)
        assert server_file.read(tmp_path) is None


def test_server_and_run_dir_together_are_refused(stack):
    both = stack.run("a3c64", "status", "--run-dir", "runs/x", "--server", "tcp://127.0.0.1:1")
    assert (both.returncode, both.stderr.count("\n")) == (2, 1)
    assert "give one of them" in both.stderr
