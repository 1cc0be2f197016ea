"""The ceiling of a server, as docs/machines.md has it, follows from the measurement in docs/results."""

import json
from pathlib import Path

import ceiling

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_table_in_the_docs_is_that_of_the_results():
    results = json.loads((DOCS / "results" / "server" / "ceiling.json").read_text())
    assert ceiling.table(results) in (DOCS / "machines.md").read_text()


def test_the_busiest_thread_bounds_the_machines():
    figures = {"cpu_ms": 1.5, "busiest_ms": 1.0, "sent_kb": 100.0, "received_kb": 200.0}
    cells = [cell.strip() for cell in ceiling.row("some", figures).split("|")]
    assert cells[3:8] == ["1.00", "1,000", "31", "7", "1.0"]  # 1000 gradients a second: 31 x 32, 7 x 128, 0.98 x 1024
    assert cells[9] == "625", "answers of 200 KB fill 125 MB/s"
