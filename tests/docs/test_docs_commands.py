"""Every command and setting in the documents exists, with the flags and values shown there."""

import re
import shlex
import subprocess
from itertools import pairwise

import pytest
import yaml
from live import need
from pages import PAGES, ROOT, Line, lines_to_type, listings

from a3c64.cli.main import groups
from a3c64.config import flag, load, variable
from a3c64.policy.resume import FIXED
from n64gym.machine.plugins import OWN_PATH

COMMANDS = {command.name: command for group in groups().values() for command in group}
MAKEFILE = (ROOT / "Makefile").read_text()
DOCKERFILE = (ROOT / "env-image" / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
LISTEN = (ROOT / "deploy/listen.yml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
NOT_RUN = {  # how a line begins -> why it is not checked further
    "sudo apt-get install -y make": "changes the machine",
    "source .venv/bin/activate": "changes the shell",
    "source <(a3c64 completion bash)": "tests/agent/test_agent_completion.py runs it",
    "ssh ": "needs a second machine",
    "pip install ": "needs a network; tests/n64gym/test_package.py and tests/agent/test_agent_install.py install",
    ".venv/bin/pytest ": "these are the tests; the path is checked",
    "requirements/apt-install ": "changes the machine; `make setup` runs it",
    "python -m n64gym ": "tests/n64gym/test_movie.py and test_game_retro.py run it",
    "python -m a3c64.": "tests/agent run them",
    "python docs/generate.py": "test_docs_generated.py runs it",
    "python tests/bench/": "the path is checked; a benchmark takes minutes",
    "export A3C64_VIDEO_PLUGIN=": "tests/n64gym/test_kinds.py sets it to a plugin that it compiles",
    ".ci/run": "runs everything",
    "import ": "Python, not a command",
    "env": "Python, not a command",
    "observation": "Python, not a command",
    "for ": "Python, not a command",
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("A3C64_")]:
        monkeypatch.delenv(name)


def is_tree(line: Line) -> bool:
    """Whether a line is a row of the tree in architecture.md, which tests/docker/test_project_files.py checks."""
    return line.page.name == "architecture.md" and not line.text.startswith("a3c64 ")


def fault_in(line: Line) -> str:
    """Return what is wrong with a line, or an empty string."""
    text = re.sub(r"^((?:[A-Z_]+=\S+ )+)(?=docker )", "", line.text).removesuffix(" &")
    if (program := text.split()[0]).startswith(".venv/bin/a3c64"):
        text = text.removeprefix(".venv/bin/")
    if text.startswith("a3c64"):
        return a3c64(shlex.split(text)[1:])
    if program == "make":
        return "".join(map(make, [word for word in shlex.split(text)[1:] if "=" not in word]))
    if program in ("docker-compose", "docker"):
        return docker(shlex.split(text))
    if text.startswith("A3C64_"):
        return variable_line(text)
    if (name := re.match(r"[A-Z_]+(?==)", text)) and f"${{{name[0]}:-" in COMPOSE + LISTEN:
        return ""
    if text.startswith("COMPOSE_FILE="):
        missing = [name for name in text.partition("=")[2].split(":") if not (ROOT / name).exists()]
        return f"{missing} is not there" if missing else ""
    for start in NOT_RUN:
        if text.startswith(start):
            missing = [path for path in re.findall(r"\b(?:tests|docs)/[\w/.]+\.py", text) if not (ROOT / path).exists()]
            return f"{missing} is not there" if missing else ""
    return "no rule for this line: add one to test_docs_commands.py"


def a3c64(words: list[str]) -> str:
    """Check a command's words with the parser of the command itself."""
    if not words or words[0] in ("COMMAND", "--help", "--version"):
        return ""
    if words[0] not in COMMANDS:
        return f"no command {words[0]}"
    if len(words) == 1:  # the text only mentions the command
        return ""
    if any(re.fullmatch(r"[A-Z]+|…", word) for word in words[1:]):
        words = [re.sub(r"^([A-Z]+|…)$", "1", word) for word in words]  # placeholders such as DIR and FILE
    try:
        load(COMMANDS[words[0]].parse(words[1:]))
    except SystemExit:  # --help
        return ""
    return ""


def make(target: str) -> str:
    known = target in ("-C", "env-image") or re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE)
    return "" if known else f"no target {target}"


def docker(words: list[str]) -> str:
    wrong = ""
    for option, value in pairwise(words):
        if option == "--target" and not re.search(rf" AS {value}$", DOCKERFILE, re.MULTILINE):
            wrong = f"no target {value} in the Dockerfile"
        if option == "--build-arg" and not re.search(rf"^ARG {value.split('=')[0]}=", DOCKERFILE, re.MULTILINE):
            wrong = f"no argument {value} in the Dockerfile"
        if option == "--scale" and value.split("=")[0] not in SERVICES:
            wrong = f"no service {value}"
        if option in ("exec", "logs", "port") and value not in SERVICES and not value.startswith("-"):
            wrong = f"no service {value}"
    return wrong


def variable_line(text: str) -> str:
    """Check a line such as `A3C64_T_MAX=10`: the setting exists and accepts the value."""
    name, _, value = text.partition("=")
    known = {variable(field): field for field in type(load()).model_fields}
    if name not in known:
        return f"no variable {name}"
    if value:
        load({known[name]: value.strip("'")})
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documented_commands_and_settings_are_valid(page):
    wrong = []
    for line in lines_to_type():
        if line.page == page and not is_tree(line):
            try:
                if why := fault_in(line):
                    wrong.append(f"{line.text}: {why}")
            except Exception as error:
                wrong.append(f"{line.text}: {error}")
    assert not wrong, "\n".join(wrong)


def test_invalid_lines_are_found():
    page = ROOT / "README.md"
    for text in ("a3c64 trian", "make nothing", "docker-compose up --scale warker=2", "A3C64_TMAX=1", "rm -rf x"):
        assert fault_in(Line(page, text))
    with pytest.raises(Exception, match="--t-maxx"):
        fault_in(Line(page, ".venv/bin/a3c64 train --t-maxx 3"))


def test_variables_and_flags_in_the_text_exist():
    known = {variable(field) for field in type(load()).model_fields} | {"A3C64_", OWN_PATH}
    actions = [action for one in COMMANDS.values() for action in one.parser()._actions]
    flags = {option for action in actions for option in action.option_strings}
    flags |= {"--no-cache", "--build", "--scale", "--report", "--build-arg", "--target"}
    for page in PAGES:
        if page.name == "CHANGELOG.md":  # it names settings that were removed
            continue
        spans = re.findall(r"`([^`\n]+)`", page.read_text())
        names = {name for span in spans for name in re.findall(r"A3C64_[A-Z_]*", span)}
        assert names <= known, page
        assert {re.split(r"[ =:]", span)[0] for span in spans if span.startswith("--")} <= flags, page


OVERRIDES = [one.text for one in listings() if one.language == "yaml"]


@pytest.mark.parametrize("text", OVERRIDES)
def test_compose_accepts_the_documented_overrides(text, tmp_path):
    override = yaml.safe_load(text)
    assert override["services"].keys() <= SERVICES.keys()
    need("docker-compose")
    (tmp_path / "override.yml").write_text(text)
    command = ["docker-compose", "-f", "docker-compose.yml", "-f", str(tmp_path / "override.yml"), "config"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    merged = yaml.safe_load(done.stdout)["services"]
    for name, settings in override["services"].items():
        assert merged[name]["networks"].keys() >= set(settings.get("networks", []))
        assert set(merged[name].get("dns", [])) >= set(settings.get("dns", []))
        assert merged[name]["environment"].items() >= settings.get("environment", {}).items()


def test_settings_that_cannot_change_are_listed():
    page = (ROOT / "docs" / "getting-started.md").read_text()
    listed = re.search(r"Settings that the weights depend on \((.*?)\)", page, re.DOTALL)
    assert listed
    assert re.findall(r"`([^`]+)`", listed[1]) == [flag(name) for name in FIXED]
