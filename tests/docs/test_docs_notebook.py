"""The notebook in docs/ runs from top to bottom, in a short form: without Jupyter, cell by cell in one namespace."""

import json
import os
import subprocess
import sys

import onnx
import pytest
from pages import ROOT

NOTEBOOK = json.loads((ROOT / "docs" / "notebook.ipynb").read_text())
SHORT = {"workers=2": "workers=1", "total_timesteps=100_000": "total_timesteps=2_000", "episodes=20": "episodes=2"}
RUN = """
import json, sys
names = {"__name__": "__main__"}
for number, cell in enumerate(json.load(sys.stdin)):
    exec(compile(cell, f"cell {number}", "exec"), names)
"""


def code() -> list[str]:
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.mark.timeout(600)
def test_the_notebook_trains_evaluates_plays_and_saves(tmp_path):
    cells = code()
    for long, short in SHORT.items():
        assert sum(cell.count(long) for cell in cells) == 1, long
        cells = [cell.replace(long, short) for cell in cells]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("A3C64_")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUN],
        input=json.dumps(cells),
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "return " in done.stdout.splitlines()[-1]
    assert (tmp_path / "cartpole.safetensors").stat().st_size > 1000
    facts = {one.key: one.value for one in onnx.load(tmp_path / "cartpole.onnx").metadata_props}
    assert json.loads(facts["a3c64"])["step"] >= 2000


def test_the_notebook_has_the_form_that_jupyter_reads_and_no_outputs():
    """Version 4.5 of the format. Outputs would change with every run."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    for cell in NOTEBOOK["cells"]:
        extra = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | extra
        assert not cell.get("outputs")
