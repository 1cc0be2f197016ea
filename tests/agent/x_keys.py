"""Presses keys on an X display as a keyboard does (the XTEST extension)."""

import ctypes
import ctypes.util
import time

APART_S = 0.005  # SDL takes a release and a press of the same key within 2 ms for the repetition of a held key
SHIFTED = {":": ";", "(": "9", ")": "0", "*": "8", "+": "=", "_": "-", "<": ",", ">": ".", "#": "3"}  # US keyboard
NAMES = {
    " ": "space", ";": "semicolon", "=": "equal", "-": "minus", ",": "comma", ".": "period", "/": "slash",
    "\n": "Return", "\t": "Tab",
}  # fmt: skip


class Keyboard:
    """The keyboard of the display in $DISPLAY."""

    def __init__(self) -> None:
        self._x11, self._xtst = (ctypes.CDLL(name) for name in ("libX11.so.6", "libXtst.so.6"))
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._x11.XStringToKeysym.restype = ctypes.c_ulong
        self._x11.XKeysymToKeycode.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(None))
        assert self._display, "the display cannot be opened"

    def down(self, name: str, is_down: bool = True) -> None:
        """Press a key down. name: its keysym, such as Return or a."""
        code = self._x11.XKeysymToKeycode(self._display, self._x11.XStringToKeysym(name.encode()))
        assert code, name
        self._xtst.XTestFakeKeyEvent(self._display, code, is_down, 0)
        self._x11.XSync(self._display, 0)
        time.sleep(APART_S)

    def up(self, name: str) -> None:
        """Release a key."""
        self.down(name, False)

    def press(self, name: str) -> None:
        """Press a key and release it."""
        self.down(name)
        self.up(name)

    def type(self, text: str) -> None:
        """Type a text; \\n is Return, \\t is Tab."""
        for letter in text:
            key = SHIFTED.get(letter, letter.lower())
            shift = letter in SHIFTED or letter.isupper()
            if shift:
                self.down("Shift_L")
            self.press(NAMES.get(key, key))
            if shift:
                self.up("Shift_L")

    def close(self) -> None:
        """Close the connection."""
        self._x11.XCloseDisplay(self._display)
