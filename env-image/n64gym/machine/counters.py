"""What an emulator counts."""

from __future__ import annotations

from n64gym.machine import shared


class Counters:
    """The counts in the memory that an emulator shares."""

    _control: shared.Control

    @property
    def vi_count(self) -> int:
        """VIs since power-on; after `load_state`, since the power-on of the loaded run."""
        return self._control.vi_count

    @property
    def controller_reads(self) -> int:
        """The number of reads of all controllers (joybus command 0x01), from the same power-on as `vi_count`."""
        return self._control.controller_reads

    @property
    def reads(self) -> tuple[int, ...]:
        """The number of reads of each controller, [4]."""
        return tuple(self._control.reads)

    @property
    def movie_position(self) -> int:
        """The number of words given to `play` that the game has read."""
        return self._control.movie_position

    @property
    def display_lists(self) -> int:
        """Display lists that the ROM gave to the GPU since this emulator was started; mostly one per picture."""
        return self._control.display_lists

    @property
    def drawn_lists(self) -> int:
        """Display lists that were drawn: 0 without `video`, else only those of pictures on the screen at the end of a
        step."""
        return self._control.drawn_lists

    @property
    def rdp_lists(self) -> int:
        """Lists of RDP commands that the ROM, or a program of the RSP, gave to the GPU since this emulator was started.
        Only a plugin of the user's draws them."""
        return self._control.rdp_lists

    @property
    def unknown_tasks(self) -> int:
        """RSP programs that did not run, because the RSP plugin does not know them, since this emulator was started."""
        return self._control.unknown_tasks

    @property
    def interpreted_tasks(self) -> int:
        """RSP programs that mupen64plus-rsp-z64 ran, because the RSP plugin does not know them, since this emulator was
        started."""
        return self._control.interpreted_tasks
