"""Every reader of files that may be a stranger's gets damaged files; `make fuzz` does it for longer."""

import pytest
from readers import READERS, attack

EXAMPLES = 100


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_damaged_files_are_read_or_refused(reader):
    counts = attack(reader, max(5, EXAMPLES // reader.cost))
    if reader.cost == 1:
        assert counts["accepted"], "some damage leaves a valid file"
        assert counts["refused"], "the damage reaches the reader"
