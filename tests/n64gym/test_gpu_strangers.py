"""What another user of the machine can do with the X server that an emulator starts: nothing."""

from pathlib import Path

import psutil
from strangers import accepts, as_nobody, attached, only_root, refused_by, segments_of

from n64gym.machine.emulator import Emulator

pytestmark = only_root


def test_only_the_emulator_can_use_its_x_display(rom, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with Emulator(rom("gpu"), video="glide64mk2") as emulator:
        emulator.step(20)
        (server,) = [one for one in psutil.Process(emulator.pid).children() if one.name() == "Xvfb"]
        arguments = server.cmdline()
        authority = Path(arguments[arguments.index("-auth") + 1].replace("self", str(server.pid)))
        (path,) = {one.laddr for one in server.net_connections("unix") if one.laddr.startswith("/tmp/.X11-unix/X")}
        assert accepts(path, authority.read_bytes()[-16:]), "the test's own client works"
        assert refused_by(path)
        assert "PermissionError" in as_nobody(lambda: authority.read_bytes().hex())
        segments = segments_of([emulator.pid, server.pid])
        assert as_nobody(lambda: [segment for segment in segments if attached(segment)]) == []
