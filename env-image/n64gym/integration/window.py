"""The window of `a3c64 integrate`: the game, played by hand, its variables, and a command line."""

from __future__ import annotations

import re
import textwrap
import time
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

from n64gym.integration import pad
from n64gym.integration.commands import SessionCommands, shown
from n64gym.machine.emulator import EmulatorError

SIZE = (1120, 640)  # of the window; width and height in pixels
GAME = (640, 480)  # of the game's picture
LINE = 18  # height of a line of text, pixels
COLUMNS = 66  # characters of a line of the right part
SECOND_COLUMN = 196  # of answers in two columns, pixels
ANSWERS = 500  # lines that are kept
VIS_PER_PICTURE = 2
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")  # colours of a terminal
BACK, TEXT, DIM, ACCENT, WRONG = (13, 16, 20), (218, 224, 230), (126, 138, 150), (255, 176, 32), (255, 110, 90)
KEYS = "Tab opens the command line and closes it, Space pauses, . plays a step, F5 saves, F8 loads"


class SessionWindow:
    """The window. pygame: the module, with its display switched on."""

    def __init__(self, pygame: Any, commands: SessionCommands) -> None:
        self._pygame = pygame
        self._commands = commands
        self._session = commands.session
        self._screen = pygame.display.set_mode(SIZE)
        pygame.display.set_caption(f"a3c64 integrate {self._session.rom.path.name}")
        pygame.key.set_repeat(400, 40)
        pygame.key.start_text_input()
        self._font = pygame.font.Font(None, LINE + 2)
        self._down: set[str] = set()  # keys by name
        self._paused = False
        self._line: str | None = None  # of the command line; None: closed. While it is open, the game stands still
        self._last_line = ""
        self._answers: deque[tuple[str, tuple[int, int, int]]] = deque(maxlen=ANSWERS)
        self.say(f"{pad.HELP}. {KEYS}. The command help lists the commands.", DIM)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Play until the window is closed or `is_over()`."""
        period = VIS_PER_PICTURE / self._session.rom.vis_per_second
        due = time.monotonic()
        while not is_over() and not self._commands.is_over:
            for event in self._pygame.event.get():
                if event.type == self._pygame.QUIT:
                    return
                self.handle(event)
            if not self._paused and self._line is None:
                self._play(VIS_PER_PICTURE)
            self.draw()
            due = max(due + period, time.monotonic() - period)
            time.sleep(max(0.0, due - time.monotonic()))

    def say(self, text: str, colour: tuple[int, int, int] = TEXT) -> None:
        """Add lines to the answers."""
        for line in text.splitlines():
            first, tab, rest = line.rpartition("\t")
            for part in textwrap.wrap(rest, COLUMNS - (SECOND_COLUMN // 7 if tab else 0)) or [""]:
                self._answers.append((first + tab + part, colour))
                first = ""

    def handle(self, event: Any) -> None:
        """React to a key."""
        pygame = self._pygame
        if event.type == pygame.KEYUP:
            self._down.discard(pygame.key.name(event.key))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._down.clear()
        elif event.type == pygame.TEXTINPUT and self._line is not None:  # KEYDOWN's unicode misses fast keys
            self._line += event.text
        elif event.type == pygame.KEYDOWN:
            if event.key == pygame.K_TAB:
                self._line = "" if self._line is None else None
                self._down.clear()
            elif self._line is not None:
                self._edit(event)
            else:
                self._press(event)

    def _press(self, event: Any) -> None:
        pygame, name = self._pygame, self._pygame.key.name(event.key)
        is_new = name not in self._down  # a key that is held repeats
        self._down.add(name)
        if event.key == pygame.K_PERIOD:
            self._paused = True
            self._play(self._session.frameskip)
        elif event.key == pygame.K_SPACE and is_new:
            self._paused = not self._paused
        elif event.key in (pygame.K_F5, pygame.K_F8) and is_new:
            self._command("save" if event.key == pygame.K_F5 else "load")

    def _edit(self, event: Any) -> None:
        pygame, line = self._pygame, self._line or ""
        if event.key in (pygame.K_RETURN, pygame.K_KP_ENTER):
            self._line = ""
            if line.strip():
                self._last_line = line
                self._command(line)
        elif event.key == pygame.K_ESCAPE:
            self._line = None
        elif event.key == pygame.K_BACKSPACE:
            self._line = line[:-1]
        elif event.key == pygame.K_UP:
            self._line = self._last_line

    def _command(self, line: str) -> None:
        self.say(f"> {line}", ACCENT)
        self._guarded(lambda: self.say(self._commands.run(line)))

    def _play(self, vis: int) -> None:
        self._guarded(lambda: self._session.step(vis, pad.held(self._down).word))

    def _guarded(self, work: Callable[[], object]) -> None:
        """Do work. Its errors and warnings become answers."""
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("default")
            try:
                work()
            except EmulatorError as error:
                self._paused = True
                self.say(f"{error}; load and reset start it again", WRONG)
            except (ValueError, OSError) as error:
                self.say(str(error), WRONG)
        for warning in warned:
            self.say(ESCAPES.sub("", str(warning.message)), WRONG)

    def draw(self) -> None:
        """Draw everything."""
        pygame, screen = self._pygame, self._screen
        screen.fill(BACK)
        try:
            picture = self._session.frame()
        except EmulatorError:
            self._text("no emulator", 20, 20, WRONG)
        else:
            surface = pygame.image.frombuffer(picture.tobytes(), picture.shape[1::-1], "RGB")
            screen.blit(pygame.transform.scale(surface, GAME), (0, 0))
            self._draw_values()
        x, rows = GAME[0] + 12, SIZE[1] // LINE - 2
        for row, (line, colour) in enumerate(list(self._answers)[-rows:]):
            first, _, rest = line.rpartition("\t")
            self._text(first, x, 6 + row * LINE, ACCENT)
            self._text(rest, x + SECOND_COLUMN * ("\t" in line), 6 + row * LINE, colour)
        if self._line is not None:
            self._text(f"> {self._line}_", x, SIZE[1] - LINE - 6, ACCENT)
        pygame.display.flip()

    def _draw_values(self) -> None:
        session, trial = self._session, self._session.trial
        is_still = self._paused or self._line is not None
        status = f"{'paused' if is_still else 'playing'}   VI {session.emulator.vi_count}"
        if trial is not None and trial.totals:
            status += f"   reward {shown(trial.last)}, total {shown(trial.total)}"
        if trial is not None and trial.ends:
            status += f"   the episode has ended: {', '.join(trial.ends)}"
        self._text(status, 8, GAME[1] + 6, ACCENT if is_still else TEXT)
        rows = (SIZE[1] - GAME[1]) // LINE - 2
        for number, (name, value) in enumerate(session.values().items()):
            x, y = 8 + 212 * (number // rows), GAME[1] + 8 + LINE * (1 + number % rows)
            self._text(f"{name} {shown(value)}", x, y, TEXT)

    def _text(self, text: str, x: int, y: int, colour: tuple[int, int, int]) -> None:
        self._screen.blit(self._font.render(text.replace("\0", ""), True, colour), (x, y))
