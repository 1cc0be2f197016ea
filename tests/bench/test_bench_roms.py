"""`make roms`: one row for each ROM of a folder, whatever the ROM does."""

import shutil
import sys

import pytest
import roms as table

from n64gym.machine.plugins import RSP_INTERPRETER


def rows(capsys):
    head, rule, *lines = capsys.readouterr().out.splitlines()
    names = [cell.strip() for cell in head.strip("|").split("|")]
    assert set(rule) == {"|", "-"}
    found = [dict(zip(names, (cell.strip() for cell in line.strip("|").split("|")), strict=True)) for line in lines]
    return {row["file"]: row for row in found}


def test_the_table_has_a_row_for_each_rom(rom, display, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(table, "STEPS", 12)
    monkeypatch.setattr(sys, "argv", ["roms", str(tmp_path)])
    inner = tmp_path / "more"
    inner.mkdir()
    for name in ("cpu", "rdp", "microcode"):
        shutil.copy(rom(name), inner)
    (tmp_path / "broken.z64").write_bytes(b"\x80\x37\x12\x40 too | short")
    before = sorted(tmp_path.rglob("*"))
    table.main()
    found = rows(capsys)
    assert list(found) == ["broken.z64", "cpu.z64", "microcode.z64", "rdp.z64"]
    assert "expected 4096 to" in found["broken.z64"]["remark"]
    assert found["cpu.z64"].items() >= {"name": "A3C64 cpu", "picture": "yes", "repeats": "yes"}.items()
    assert found["cpu.z64"]["processor"] == "recompiler"
    assert found["rdp.z64"].items() >= {"who draws": "RDP lists", "picture": "black", "repeats": "yes"}.items()
    assert "A3C64_VIDEO_PLUGIN" in found["rdp.z64"]["remark"]
    if RSP_INTERPRETER.exists():
        assert found["microcode.z64"].items() >= {"who draws": "CPU", "picture": "yes", "repeats": "yes"}.items()
        assert found["microcode.z64"]["RSP programs"].endswith(" run, 0 not")
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written"


def test_a_folder_without_roms_is_one_line(tmp_path, monkeypatch):
    for folder in (tmp_path, tmp_path / "nowhere"):
        monkeypatch.setattr(sys, "argv", ["roms", str(folder)])
        with pytest.raises(SystemExit, match=f"no ROMs found in {folder}: expected a folder with files named .z64"):
            table.main()
