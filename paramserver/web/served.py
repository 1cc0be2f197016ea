"""Which file a URL's path means: the page's own files, a run's replays and videos, and no other."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

PAGE = Path(__file__).parent / "page"
KINDS = {  # suffix -> content type
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".m64": "application/octet-stream",
    ".mp4": "video/mp4",
}


class Served(NamedTuple):
    """A file, and its content type."""

    path: Path
    kind: str


def find(path: str, run_dir: Path) -> Served | None:
    """Return the file for the path in a request's first line (percent-encoded); None if there is no such file."""
    first, *rest = unquote(path).lstrip("/").split("/")
    root, kinds = PAGE, {".html", ".css", ".js", ".svg"}
    if first in ("replays", "videos"):
        root, kinds = run_dir / first, {".m64", ".json", ".mp4"}
    else:
        rest = [first or "index.html", *rest]
    if any(part in ("", ".", "..") or part[0] == "." or not part.isprintable() for part in rest):
        return None
    with suppress(OSError, ValueError):
        file = root.joinpath(*rest).resolve()  # resolved, because a link must not lead out of the folder
        if file.is_relative_to(root.resolve()) and file.suffix in kinds and file.is_file():
            return Served(file, KINDS[file.suffix])
    return None
