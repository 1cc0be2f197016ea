"""Which part may know which, and what importing must not do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"agent": "agent", "paramserver": "paramserver", "worker": "worker", "n64gym": "env-image/n64gym"}
MAY_KNOW = {
    "agent": {"agent", "n64gym"},  # but for what the server imports, see below
    "paramserver": {"paramserver", "agent"},
    "worker": {"worker", "agent", "n64gym"},
    "n64gym": {"n64gym"},
}


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package):
    files = list((ROOT / PACKAGES[package]).rglob("*.py"))
    assert files
    for path in files:
        wrong = imports(path) & set(PACKAGES) - MAY_KNOW[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def python(script: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_importing_agent_opens_no_socket_and_starts_no_process():
    modules = sorted(f"agent.{path.stem}" for path in (ROOT / "agent").glob("[a-z]*.py"))
    python(f"""
import importlib, sys
watched = ("socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system")
def audit(event, arguments):
    if event in watched:
        raise SystemExit(f"importing did {{event}} {{arguments}}")
import tensorflow, cv2, gymnasium, zmq  # what libraries do is theirs
sys.addaudithook(audit)
zmq.Context.socket = zmq.Context.instance = None  # what opening a socket takes
for name in {modules}:
    importlib.import_module(name)
""")


def test_the_server_needs_neither_tensorflow_nor_gymnasium():
    """Its image has neither; and it would take 500 MB and five seconds more."""
    loaded = python("""
import sys
import agent.cli, agent.status, agent.local, paramserver.__main__, paramserver.server, paramserver.board
print(*sys.modules)
""").split()
    assert not {"tensorflow", "gymnasium", "n64gym", "cv2", "pygame", "keras"} & set(loaded)


def test_only_the_settings_read_the_environment():
    for package in ("agent", "paramserver", "worker"):
        for path in (ROOT / package).glob("*.py"):
            text = path.read_text()
            assert "getenv" not in text
            if path.name != "config.py":
                for line in text.splitlines():
                    # handing it on whole or adding to it for a child is no reading
                    assert "os.environ" not in line or "os.environ.update" in line or "**os.environ" in line, path
