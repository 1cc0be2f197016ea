"""deploy/swarm: the stack names settings, secrets and ports that exist. tests/docker/test_machines_swarm.py runs it."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from live import need
from pages import ROOT

from a3c64.arguments import USES
from a3c64.config import Settings, load, variable
from a3c64.paramserver.run_keys import SECRET

FOLDER = ROOT / "deploy" / "swarm"
STACK = yaml.safe_load((FOLDER / "stack.yml").read_text())
SERVICES = STACK["services"]
COMMANDS = {"paramserver": "server", "worker": "worker", "evaluator": "evaluator"}
CLIENTS = ("worker", "evaluator")
FIELDS = {variable(field): field for field in Settings.model_fields}


def run_env() -> dict[str, str]:
    lines = (FOLDER / "run.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def secrets(service):
    """Return the files of a service's secrets in its containers: path -> file beside stack.yml."""
    found = {}
    for secret in SERVICES[service]["secrets"]:
        file = STACK["secrets"][secret["source"]]["file"]
        found[Path("/run/secrets", secret.get("target", secret["source"]))] = file
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sets_known_settings(name):
    assert SERVICES.keys() == COMMANDS.keys()
    given = SERVICES[name]["environment"]
    assert {FIELDS[key] for key in given} <= USES[COMMANDS[name]]
    load({FIELDS[key]: value for key, value in given.items()})
    assert SERVICES[name].get("command", ["a3c64", COMMANDS[name]]) == ["a3c64", COMMANDS[name]]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert SERVICES[name]["image"] == compose[name]["image"]


def test_settings_of_the_run_are_the_servers():
    assert SERVICES["paramserver"]["env_file"] == "run.env"
    assert {FIELDS[name] for name in run_env()} <= USES["server"]
    load({FIELDS[name]: value for name, value in run_env().items()})


def test_the_secrets_are_the_files_that_the_documented_command_writes(tmp_path):
    assert f"a3c64 keys --new --run-dir {FOLDER.relative_to(ROOT)}" in (ROOT / "docs" / "machines.md").read_text()
    command = [Path(sys.executable).parent / "a3c64", "keys", "--new", "--run-dir", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {secret["file"] for secret in STACK["secrets"].values()}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_reads_its_keys_where_swarm_puts_them_and_only_the_server_has_its_own(name):
    given, files = SERVICES[name]["environment"], secrets(name)
    assert files[Path(given["A3C64_KEY_FILE"])] == "keys/client"
    if "A3C64_VNC_PASSWORD_FILE" in given:
        assert files[Path(given["A3C64_VNC_PASSWORD_FILE"])] == "keys/vnc"
    own = {path for path, file in files.items() if file == f"keys/{SECRET}"}
    assert own == ({Path(given["A3C64_RUN_DIR"]) / "keys" / SECRET} if name == "paramserver" else set())
    user = re.search(r"useradd --uid (\d+)", (ROOT / "env-image" / "Dockerfile").read_text())
    assert user
    for secret in SERVICES[name]["secrets"]:
        assert (secret["uid"], secret["mode"]) == (user[1], 0o400)


def test_clients_reach_the_servers_port_and_nothing_else():
    port = SERVICES["paramserver"]["environment"]["A3C64_BIND"].rsplit(":", 1)[1]
    for name in CLIENTS:
        assert SERVICES[name]["environment"]["A3C64_SERVER"] == f"tcp://paramserver:{port}"
        assert "ports" not in SERVICES[name]
        (network,) = SERVICES[name]["networks"]
        assert STACK["networks"][network]["internal"]
        assert network in SERVICES["paramserver"]["networks"]
    published = {entry["target"] for entry in SERVICES["paramserver"]["ports"]}
    assert published == {load().web_port, load().tensorboard_port}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_needs_no_ipvs_and_is_restricted_as_with_compose(name):
    service, deploy = SERVICES[name], SERVICES[name]["deploy"]
    assert deploy["endpoint_mode"] == "dnsrr"
    assert all(entry["mode"] == "host" for entry in service.get("ports", []))
    assert service["read_only"]
    assert service["init"]
    assert service["cap_drop"] == ["ALL"]
    assert service["logging"]["options"]["max-size"]
    assert deploy["resources"]["limits"].keys() == {"memory", "pids"}
    assert deploy["resources"]["reservations"].keys() == {"cpus", "memory"}
    (temporary,) = [volume for volume in service["volumes"] if volume != "run:/data"]
    assert temporary["type"] == "tmpfs"
    assert temporary["tmpfs"]["size"]
    assert ("run:/data" in service["volumes"]) == (name == "paramserver")
    assert deploy["restart_policy"]["condition"] == "on-failure"
    assert deploy["update_config"]["order"] == "stop-first"  # two servers must not use one volume


def test_the_server_stays_with_its_volume_and_workers_are_spread():
    assert SERVICES["paramserver"]["deploy"]["placement"] == {"constraints": ["node.labels.a3c64 == server"]}
    assert SERVICES["paramserver"]["deploy"]["replicas"] == 1
    assert "constraints" not in SERVICES["worker"]["deploy"]["placement"]
    assert SERVICES["worker"]["deploy"]["placement"]["preferences"][0]["spread"]


def test_docker_compose_accepts_the_file(tmp_path):
    """Debian 12 has no `docker stack config`. The schema of docker-compose 1.29.2 lacks only `pids`."""
    need("docker-compose")
    stack = copy.deepcopy(STACK)
    for service in stack["services"].values():
        service["deploy"]["resources"]["limits"].pop("pids", None)  # services share this part of the file
    (tmp_path / "stack.yml").write_text(yaml.safe_dump(stack))
    (tmp_path / "run.env").write_text((FOLDER / "run.env").read_text())
    command = ["docker-compose", "-f", tmp_path / "stack.yml", "config", "--quiet"]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("A3C64_", "COMPOSE_"))}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
