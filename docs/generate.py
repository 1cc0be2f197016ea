"""Write the generated pages, settings.md and api.md: `make pages`, or `python docs/generate.py`."""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from a3c64.arguments import GROUPS, USES, choices
from a3c64.config import describe
from a3c64.presets import presets

DOCS = Path(__file__).parent
MADE = "<!-- made by docs/generate.py (`make pages`): change the code, not this file -->\n"
WIDTH = 100  # characters; a longer signature is split
SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:")

NAMES = {  # module -> its public names that the page shows; "Class.method" for methods too
    "n64gym": ("parallel_env", "RecordMovie", "Playback", "verify", "Verified", "demonstrations", "Demonstrator",
               "meant", "Emulator", "State", "Rom", "open_rom", "read_saves", "ObservationFormat", "RomError",
               "EmulatorError", "MovieError"),
    "n64gym.machine.counters": ("Counters",),
    "n64gym.game": ("Game",),
    "n64gym.n64_env": ("N64Env", "Outcome", "StartError"),
    "n64gym.race_env": ("RaceEnv",),
    "n64gym.race": ("RaceStatus",),
    "n64gym.games.openkart": ("OpenKartEnv",),
    "n64gym.games.mariokart64": ("MarioKart64Env",),
    "n64gym.games.smash": ("SmashEnv",),
    "n64gym.games.rom_env": ("RomEnv",),
    "a3c64": ("load", "Policy", "State", "evaluate", "train", "Training", "Callback", "Moment",
              "StopTraining", "BadInputError"),
    "a3c64.config": ("load",),
    "a3c64.policy.policy_file": ("Policy", "bundled", "of_run", "load", "save"),
    "a3c64.policy.episodes": ("play",),
    "a3c64.envs.episode": ("Episode",),
    "a3c64.wire.status": ("fetch",),
}  # fmt: skip
ABOUT = {
    "n64gym": "n64gym can be used alone. `import n64gym` registers its environments with Gymnasium; "
    "[its page](../env-image/README.md) shows how to use them and how to add a game.",
    "a3c64": "a3c64 is a program first: its interface is the command `a3c64`, its settings and the files in a run's "
    "folder. The names below are for your own scripts; [Take a policy with you](take-it-with-you.md#use-it-in-python) "
    "shows how to use them. They may change with a release; the [changelog](CHANGELOG.md) lists such changes.",
}


ABOUT_SETTINGS = """\
Each setting is a flag (`--t-max 10`) and a variable (`A3C64_T_MAX=10`). A flag overrides the
variable. Without both, an existing run uses its `config.json`. A new run uses the preset of its environment, else the
default.

A command accepts only the flags that it uses; the last column names these commands. All commands accept all variables.
For Docker, copy `.env.example` to `.env` and change it there. A switch needs no value: `--deterministic` means true.

`a3c64 train --help` shows the settings that users change most, `--help-all` shows all of them.
"""
COLUMNS = "\n| Flag and variable | Default | Meaning | Commands |\n|---|---|---|---|"
ABOUT_PRESETS = """
## Presets

The files of `agent/presets/`. The environment's id chooses the preset of a new run, unless you set `--preset`.
"""


def settings_page() -> str:
    """Return the page of settings."""
    lines = [
        "# Settings",
        "",
        MADE,
        ABOUT_SETTINGS,
    ]
    settings = {one.name: one for one in describe()}
    for title, names in GROUPS.items():
        lines += [f"\n## {title[0].upper()}{title[1:]}", COLUMNS]
        for one in (settings[name] for name in names):
            default = f"`{one.default}`" if one.default else "empty"
            values = f" ({', '.join(f'`{value}`' for value in choices(one.name))})" if choices(one.name) else ""
            users = ", ".join(command for command, uses in USES.items() if one.name in uses)
            lines.append(f"| `{one.flag}` `{one.variable}` | {default} | {cell(one.description)}{values} | {users} |")
    lines.append(ABOUT_PRESETS.rstrip("\n"))
    for name, preset in presets().items():
        chosen = ", ".join(f"`{pattern}`" for pattern in preset.environments) or "no id; choose it by name"
        lines += ["", f"### {name}", "", f"For {chosen}.", "", "| Setting | Value |", "|---|---|"]
        lines += [f"| `{setting}` | `{value}` |" for setting, value in preset.settings.items()]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Return a text for a cell of a table."""
    return text.replace("|", "\\|")


def api_page() -> str:
    """Return the page of public Python names."""
    parts = ["# API", "", MADE]
    package = ""
    for module, names in NAMES.items():
        if package != (package := module.split(".")[0]):
            parts += [f"## {package}", "", ABOUT[package], ""]
        for name in names:
            parts += [*described(module, name), ""]
    return "\n".join(parts).rstrip("\n") + "\n"


def described(module: str, name: str) -> Iterator[str]:
    """Yield the lines about one name: heading, signature, docstring, public methods."""
    thing = getattr(importlib.import_module(module), name)
    yield f"### `{module}.{name}`"
    yield ""
    if not (inspect.isclass(thing) and issubclass(thing, Exception)):
        yield f"```text\n{signature(name, thing)}\n```"
        yield ""
    yield docstring(inspect.getdoc(thing) or "")
    if not inspect.isclass(thing) or issubclass(thing, Exception):
        return
    members = [(n, m) for n, m in vars(thing).items() if not n.startswith("_") and inspect.getdoc(m)]
    methods = [(n, m) for n, m in members if callable(m) or isinstance(m, property | classmethod | staticmethod)]
    if methods:
        yield "\n**Members**\n"
    for n, m in methods:
        summary = (inspect.getdoc(m) or "").split("\n\n")[0].replace("\n", " ")
        yield f"- `{n if isinstance(m, property) else n + '()'}`: {escape(summary)}"


def signature(name: str, thing: Any) -> str:
    """Return the signature of a name, with one parameter per line if it is long."""
    found = inspect.signature(thing)
    parts = []
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        kind = "" if parameter.annotation is parameter.empty else f": {annotation(parameter.annotation)}"
        default = "" if parameter.default is parameter.empty else f" = {shown(parameter.default)}"
        parts.append(f"{stars}{parameter.name}{kind}{default}")
    plain = inspect.isclass(thing) or found.return_annotation is found.empty
    result = "" if plain else f" -> {annotation(found.return_annotation)}"
    line = f"{name}({', '.join(parts)}){result}"
    return line if len(line) <= WIDTH else "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){result}"])


def annotation(kind: Any) -> str:
    """Return a type as it is written in the code."""
    text = kind if isinstance(kind, str) else getattr(kind, "__forward_arg__", None)
    return text or re.sub(r"(?:\w+\.)+(?=[A-Za-z])", "", inspect.formatannotation(kind))


def shown(default: Any) -> str:
    """Return a default value as text; a fixed text for a function."""
    return "..." if callable(default) else repr(default).replace("'", '"')


def docstring(text: str) -> str:
    """Return a docstring as Markdown: lines that begin with a name and a colon, and a section's entries, as a list."""
    lines: list[str] = []
    text = re.sub(r"(?<=\. )(?=[a-z]\w*(, [a-z]\w*)*: )", "\n", text)  # "rom: a path. size: (H, W)" are two entries
    for line in map(str.rstrip, text.splitlines()):
        entry = re.match(r"((?: {4})?[a-z]\w*(?:, [a-z]\w*)*|    [A-Z]\w+): (.*)", line)
        if line in SECTIONS:
            lines += [f"**{line[:-1]}**", ""]
        elif entry:
            names = ", ".join(f"`{name}`" for name in entry[1].strip().split(", "))
            lines += [""] * (bool(lines) and lines[-1] != "" and not lines[-1].startswith("- "))
            lines.append(f"- {names}: {escape(entry[2])}")
        elif lines and lines[-1].startswith("- ") and line and not re.match(r"Raises |Terminated |Actions", line):
            lines[-1] += " " + escape(line.strip())
        else:
            lines += [""] * (bool(lines) and lines[-1].startswith("- ") and line != "")
            lines.append(escape(line))
    return "\n".join(lines)


def escape(text: str) -> str:
    """Escape a line, so that Markdown sees no links, emphasis or tags."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\[\]<>*])", r"\\\1", part) for part in parts)


PAGES = {"settings.md": settings_page, "api.md": api_page}


def main() -> int:
    """Write the pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
