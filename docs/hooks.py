"""What `mkdocs build` does beyond its defaults: pages from outside docs/ are part of the site (named in mkdocs.yml)."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ("env-image/README.md", "env-image/pictures/courses.png")


def on_files(files: Files, config: Any) -> Files:
    """Add the files from outside, at the same places below the site's root."""
    for path in OUTSIDE:
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links that leave docs/ to where the site has those pages; the root's README is the site's home."""
    if page.file.src_uri in OUTSIDE:
        return markdown.replace("](../docs/", "](../")
    inside = re.sub(r"\]\(\.\./(env-image/)", r"](\1", markdown)
    return re.sub(r"\]\(\.\./README\.md(#[\w-]+)?\)", "](index.md)", inside)
