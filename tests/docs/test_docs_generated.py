"""Generated pages are current, the README is short, and the code has the messages in troubleshooting.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from pages import ROOT

SOURCES = [p for part in ("agent", "paramserver", "worker", "env-image/n64gym") for p in (ROOT / part).rglob("*.py")]
SCRIPTS = [ROOT / "Makefile", ROOT / "requirements" / "apt-install"]
GAP = "…"


def test_generated_pages_are_current(tmp_path):
    (tmp_path / "generate.py").write_text((ROOT / "docs" / "generate.py").read_text())
    subprocess.run([sys.executable, tmp_path / "generate.py"], check=True, timeout=120)
    for page in ("settings.md", "api.md"):
        assert (tmp_path / page).read_text() == (ROOT / "docs" / page).read_text(), f"run `make pages`: {page} is old"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_picture_at_the_top_is_animated_and_small():
    data = (ROOT / "docs" / "pictures" / "learning.webp").read_bytes()
    assert data[:4] + data[8:12] == b"RIFFWEBP"
    assert data.count(b"ANMF") > 50, "frames"
    assert len(data) < 3_000_000


def texts(path: Path) -> list[str]:
    """Return a module's string literals, with GAP in place of inserted values."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(re.sub(r"%[-\d.]*[sdrf]", GAP, node.value))
        elif isinstance(node, ast.JoinedStr):
            found.append("".join(str(v.value) if isinstance(v, ast.Constant) else GAP for v in node.values))
    return found


def test_messages_in_troubleshooting_are_in_the_code():
    said = [text for path in SOURCES for text in texts(path)]
    said += [path.read_text().replace("\\`", "`") for path in SCRIPTS]
    rows = re.findall(r"^\| (.+?) \|", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    spans = [span for row in rows for span in re.findall(r"`([^`]+)`", row)]
    messages = [span for span in spans if " " in span and not span.startswith(("a3c64 ", "make ", "time/"))]
    assert len(messages) > 30
    unknown = []
    for message in messages:
        pieces = [piece.strip(" ,:;()") for piece in message.split(GAP)]
        pattern = re.compile(".*?".join(map(re.escape, filter(None, pieces))), re.DOTALL)
        if not any(pattern.search(text) for text in said):
            unknown.append(message)
    assert not unknown
