"""Hooks of `mkdocs build`, named in mkdocs.yml: they add pages from outside docs/ to the site."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ("env-image/README.md", "env-image/pictures/courses.png")


def on_files(files: Files, config: Any) -> Files:
    """Add the files from outside docs/, at the same paths below the site's root."""
    for path in OUTSIDE:
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Rewrite links that leave docs/ to the site's paths. The root's README becomes the site's home page."""
    if page.file.src_uri in OUTSIDE:
        return markdown.replace("](../docs/", "](../")
    inside = re.sub(r"\]\(\.\./(env-image/)", r"](\1", markdown)
    return re.sub(r"\]\(\.\./README\.md(#[\w-]+)?\)", "](index.md)", inside)
