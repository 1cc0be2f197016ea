"""Which package may import which, and what an import must not do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import n64gym

ROOT = Path(__file__).parents[2]
FOLDERS = {"a3c64": "agent", "a3c64.paramserver": "paramserver", "a3c64.worker": "worker", "n64gym": "env-image/n64gym"}
BASE = {
    "a3c64.addresses",
    "a3c64.arguments",
    "a3c64.command_template",
    "a3c64.config",
    "a3c64.event_records",
    "a3c64.files",
    "a3c64.hyperparameters",
    "a3c64.logs",
    "a3c64.output",
    "a3c64.ports",
    "a3c64.presets",
    "a3c64.processes",
    "a3c64.program",
    "a3c64.progress",
    "a3c64.supervisor",
    "a3c64.timings",
    "a3c64.version",
    "a3c64.vnc",
}
ENVS = BASE | {"a3c64.envs"}
LEARNING = ENVS | {"a3c64.learning"}
WIRE = LEARNING | {"a3c64.wire"}
POLICY = WIRE | {"a3c64.policy"}
PLAY = POLICY | {"a3c64.play", "a3c64.report"}  # an evaluation writes a report page
REPLAYS = POLICY | {"a3c64.play", "a3c64.replays", "n64gym"}  # films of replays use play's video writer
TEACHING = POLICY | {"a3c64.teaching", "n64gym"}
REPORT = POLICY | {"a3c64.report", "n64gym"}
DOCTOR = POLICY | {"a3c64.doctor", "n64gym"}
MAY_IMPORT = {  # a package, and the packages that it may import from
    **dict.fromkeys(BASE, BASE),
    "a3c64.envs": ENVS,
    "a3c64.learning": LEARNING,
    "a3c64.wire": WIRE,
    "a3c64.policy": POLICY,
    "a3c64.play": PLAY,
    "a3c64.replays": REPLAYS,
    "a3c64.report": REPORT,
    "a3c64.teaching": TEACHING,
    "a3c64.doctor": DOCTOR,
    "a3c64.api": PLAY | {"a3c64.api"},
    "a3c64.callback": WIRE,
    "a3c64": {"a3c64.api", "a3c64.callback", "a3c64.config"},
    "a3c64.sweep": PLAY | {"a3c64.api", "a3c64.sweep"},
    "a3c64.cli": PLAY
    | REPLAYS
    | TEACHING
    | DOCTOR
    | {"a3c64.api", "a3c64.cli", "a3c64.sweep", "a3c64.paramserver", "a3c64.worker"},
    "a3c64.__main__": {"a3c64.cli"},
    "a3c64.paramserver": POLICY | {"a3c64.callback", "a3c64.paramserver"},
    "a3c64.worker": TEACHING | {"a3c64.worker"},
    "n64gym": {"n64gym"},
}


def package_of(module: str) -> str:
    """a3c64.wire.client -> a3c64.wire; n64gym.movies.m64 -> n64gym."""
    parts = module.split(".")
    return parts[0] if parts[0] == "n64gym" else ".".join(parts[:2])


def modules() -> dict[str, Path]:
    """Every module of the project by its installed name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            inside = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *inside]).removesuffix(".__init__")] = path
    return found


def imports(path: Path) -> set[str]:
    """The project's modules that a file imports, at the top or inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            # `from a3c64 import config` names a module, `from a3c64.config import load` a name in a module
            names |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "a3c64" else {node.module}
            )
    return {name for name in names if name.split(".")[0] in ("a3c64", "n64gym")}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_allowed_packages(package):
    inside = {name: path for name, path in modules().items() if package_of(name) == package}
    for name, path in inside.items():
        wrong = {found for found in imports(path) if package_of(found) not in MAY_IMPORT[package]}
        assert not wrong, f"{name} imports {wrong}"


def test_only_n64gyms_public_names_are_imported():
    """Only n64gym depends on the memory layout of games."""
    for name, path in modules().items():
        if package_of(name) == "n64gym":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "n64gym":
                assert node.module == "n64gym", f"{name} imports {node.module}"
                assert {alias.name for alias in node.names} <= set(n64gym.__all__), name
            assert not [module for module in found if module.startswith("n64gym.")], f"{name} imports {found}"


def test_every_module_is_in_a_known_package():
    packages = {package_of(name) for name in modules()}
    assert packages <= set(MAY_IMPORT)


def python(script: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_importing_agent_opens_no_socket_and_starts_no_process():
    ours = sorted(name for name in modules() if not name.endswith(("__main__", ".native", ".viewer")))
    python(f"""
import importlib, sys
watched = ("socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system")
def audit(event, arguments):
    if event in watched:
        raise SystemExit(f"importing did {{event}} {{arguments}}")
import tensorflow, cv2, gymnasium, zmq  # before the hook: libraries may do this
sys.addaudithook(audit)
zmq.Context.socket = zmq.Context.instance = None  # opening a socket needs them
for name in {ours}:
    importlib.import_module(name)
""")


def test_the_server_needs_neither_tensorflow_nor_gymnasium():
    """The server's image contains neither of these packages; they would cost 500 MB and five seconds."""
    loaded = python("""
import sys
import a3c64.cli.main, a3c64.cli.local, a3c64.wire.status, a3c64.paramserver.__main__, a3c64.paramserver.server
import a3c64.paramserver.tensorboard.process
print(*sys.modules)
""").split()
    assert not {"tensorflow", "gymnasium", "n64gym", "cv2", "pygame", "keras"} & set(loaded)


def test_only_config_py_reads_the_environment():
    for folder in ("agent", "paramserver", "worker"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            assert "getenv" not in text
            if path.name != "config.py":
                for line in text.splitlines():
                    # passing the environment on, or adding to it for a child, is allowed
                    assert "os.environ" not in line or "os.environ.update" in line or "**os.environ" in line, path
