"""The Compose file, the settings, the Makefile and the package lists agree. Needs no Docker engine."""

import os
import re
import shutil
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from a3c64.cli.inviting import Invitation
from a3c64.config import describe
from a3c64.wire.join_link import JoinLink

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
EXAMPLE = (ROOT / ".env.example").read_text()
KEY = "srvAVARe117XjtzlU5Hf0dwdE5q0QC91usdTaeJnyzUUanqjmnHR8b2v_dZmB3_MXQgPAK6POe-SvplzthTwkjDR"
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
# The brackets keep these patterns from matching this file.
FOREIGN = re.compile(
    r"py[p]i\.org|pythonhoste[d]|deb\.debia[n]|registry\.npm[j]s|files\.pythonh|(?<![\w.])/(?:wor[k]|roo[t]|hom[e])/\w"
)
PLACES_OF_EXAMPLES = {".env.example", "README.md"}  # these may contain a user's /home/... as an example


def section(title: str) -> dict[str, tuple[str, str]]:
    """Return the settings in one section of .env.example: name -> (default, description)."""
    part = EXAMPLE.split(f"# ---- {title}")[1].split("# ----")[0]
    return {name: (default, text) for text, name, default in re.findall(r"^# (.+)\n# (\w+)=(.*)$", part, re.MULTILINE)}


def environment(service: str) -> dict[str, str | None]:
    return SERVICES[service]["environment"]


def parses(*command: str) -> None:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("A3C64_", "COMPOSE_"))}
    done = subprocess.run(
        [*command, "-f", "docker-compose.yml", "-f", "deploy/listen.yml", "config"],
        cwd=ROOT,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    published = yaml.safe_load(done.stdout)["services"]["paramserver"]["ports"]
    assert len(published) == len(SERVICES["paramserver"]["ports"]) + 1, "one more port: the server's"


def test_docker_compose_1_accepts_the_file() -> None:
    if shutil.which("docker-compose") is None:
        message = "docker-compose is not installed"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    parses("docker-compose")


def test_the_line_for_another_machine_has_the_limits_of_the_workers() -> None:
    line = Invitation(JoinLink.of(f"a3c64://192.168.1.20:5555/{KEY}"), "").docker_command("a3c64-worker")
    giving, _, running = line.partition(" | ")
    words, worker = running.split(), SERVICES["worker"]
    assert giving == f"echo a3c64://192.168.1.20:5555/{KEY}"
    assert KEY not in running, "the list of processes and `docker inspect` show these words"
    assert words[-5:] == ["a3c64-worker", "a3c64", "worker", "--join", "-"]
    limits = [("--tmpfs", worker["tmpfs"][0].replace("${TMP_SIZE:-1g}", "1g")), ("--cap-drop", *worker["cap_drop"])]
    limits += [("--security-opt", "no-new-privileges"), ("--pids-limit", str(worker["pids_limit"]))]
    assert set(limits) <= set(pairwise(words))
    assert {"--read-only", "--init", "--rm", "--interactive"} <= set(words)
    assert "--network" not in words
    tunnel = Invitation(JoinLink.of(f"a3c64://127.0.0.1:5555/{KEY}"), "").docker_command("a3c64-worker")
    assert "--network host" in tunnel, "the tunnel ends in the machine, not in the container"


def test_compose_2_accepts_the_file() -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("this docker has no Compose v2, and Debian 12 packages none")
    parses("docker", "compose")


def test_the_example_lists_every_setting_with_its_default() -> None:
    listed = section("the run") | section("without Docker only")
    assert listed == {setting.variable: (setting.default, setting.description) for setting in describe()}


def test_compose_passes_on_every_setting_of_the_run() -> None:
    passed = {name for service in SERVICES for name, value in environment(service).items() if value is None}
    ours = {name for service in SERVICES for name, value in environment(service).items() if value is not None}
    published = {"A3C64_TENSORBOARD_PORT", "A3C64_WEB_PORT"}  # ports on the host
    assert passed | published == set(section("the run"))
    # Compose has --scale; a replica takes the lowest free index; connections between containers are encrypted
    elsewhere = {"A3C64_WORKERS", "A3C64_WORKER_INDEX", "A3C64_NO_ENCRYPTION"}
    assert ours - published == set(section("without Docker only")) - elsewhere


def test_workers_read_their_key_in_a_volume_that_only_the_server_writes() -> None:
    mounted = {
        name: [volume for volume in service["volumes"] if "keys" in volume] for name, service in SERVICES.items()
    }
    assert mounted == {"paramserver": ["keys:/keys"], "worker": ["keys:/keys:ro"], "evaluator": ["keys:/keys:ro"]}
    assert {environment(service)["A3C64_KEY_FILE"] for service in SERVICES} == {"/keys/client"}


def test_the_example_lists_every_compose_variable() -> None:
    files = (ROOT / name for name in ("docker-compose.yml", "deploy/listen.yml"))
    used = {name for file in files for name in re.findall(r"\$\{(\w+)", file.read_text())} | {"COMPOSE_FILE"}
    assert used <= set(section("Docker Compose")) | set(section("the run"))


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_restricted_and_only_reachable_from_this_machine(service: str) -> None:
    settings = SERVICES[service]
    assert settings["read_only"]
    assert settings["init"]
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in settings.get("ports", []))
    assert settings["healthcheck"]["test"]
    assert settings["logging"]["options"]["max-size"]
    assert settings["mem_limit"]
    assert settings["pids_limit"]
    assert all(":size=" in folder for folder in settings["tmpfs"])


def test_workers_mount_nothing_of_the_server_and_have_no_network_with_a_way_out() -> None:
    for service in ("worker", "evaluator"):
        volumes = {volume.rsplit(":/", 1)[0] for volume in SERVICES[service]["volumes"]}
        writable = {volume for volume in SERVICES[service]["volumes"] if not volume.endswith(":ro")}
        assert "run" not in volumes
        assert writable <= {"replays:/data/replays"}
        for name in SERVICES[service]["networks"]:
            network = COMPOSE["networks"][name]
            masquerade = network.get("driver_opts", {}).get("com.docker.network.bridge.enable_ip_masquerade")
            assert network.get("internal") or masquerade == "false"


def test_the_images_are_built_on_a_base_that_can_be_replaced_by_a_digest() -> None:
    lines = (ROOT / "env-image" / "Dockerfile").read_text().splitlines()
    sources = [line.split()[1] for line in lines if line.startswith("FROM ")]
    stages = {line.split()[3] for line in lines if line.startswith("FROM ")} | {"scratch"}
    assert set(sources) - stages == {"$BASE_IMAGE"}


def test_help_lists_every_target_a_user_may_call() -> None:
    make = ["make", "--no-print-directory", "-C", str(ROOT)]
    lines = subprocess.run([*make, "help"], capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
    listed = {line.split()[0] for line in lines}
    assert listed >= {"help", "train", "up", "down", "scale", "logs", "vnc", "build", "test", "e2e", "lint", "clean"}
    inner = {"apt", "native"}
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert set(phony[1].split()) - inner == listed


@pytest.mark.parametrize(
    "name",
    ["requirements/apt-build.txt", "requirements/apt-run.txt", "requirements/apt-emulator.txt", ".ci/apt.txt"],
)
def test_every_debian_package_has_a_comment(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+( \[[a-z0-9 ]+\])? +# .+", line) for line in lines)


@pytest.mark.parametrize(("part", "whole"), [("server", "run"), ("env", "run"), ("run", "dev")])
def test_the_pins_agree(part: str, whole: str) -> None:
    few, many = (dict(PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text())) for name in (part, whole))
    assert few
    assert few.items() <= many.items()


def test_arm64_gets_the_release_of_tensorflow_that_x86_64_gets() -> None:
    arm64, others = (dict(PIN.findall((ROOT / "requirements" / name).read_text())) for name in ("arm64.txt", "run.txt"))
    assert arm64 == {"tensorflow": others["tensorflow-cpu"]}


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        try:
            text = (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):  # a picture; a file removed but not yet committed
            continue
        found += [f"{name}: {hit[0]}" for hit in FOREIGN.finditer(text) if name not in PLACES_OF_EXAMPLES]
    assert not found


def test_the_architecture_page_shows_the_current_tree() -> None:
    tree = (ROOT / "docs" / "architecture.md").read_text().split("## The tree")[1].split("## ")[0]
    shown, folders = set(), {}
    for indent, name in re.findall(r"^    ( *)(\S+) +\S.*$", tree, re.MULTILINE):
        folders[len(indent)] = name
        path = "".join(folders[depth] for depth in sorted(folders) if depth < len(indent) and folders[depth][-1] == "/")
        shown.add(path + name)
        folders = {depth: folder for depth, folder in folders.items() if depth <= len(indent)}
    assert not [path for path in shown if not (ROOT / path).exists()]
    modules = {
        str(p.relative_to(ROOT)) for part in ("agent", "paramserver", "worker") for p in (ROOT / part).rglob("*.py")
    }
    assert not {module for module in modules if "__" not in module} - shown


def test_an_installation_contains_every_package() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = set()
    for package, folder in setuptools["package-dir"].items():
        for path in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join((package, *path.parent.relative_to(ROOT / folder).parts)))
    assert found == set(setuptools["packages"])


def test_no_source_file_is_longer_than_400_lines() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split() if name.endswith((".py", ".c", ".h", ".S", ".js", ".css"))]
    assert paths
    assert not [path for path in paths if path.exists() and len(path.read_text().splitlines()) > 400]
