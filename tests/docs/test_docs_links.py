"""Every link in the documents has a target, in the repository and on the site."""

import re

import pytest
import yaml
from pages import PAGES, RESULTS, ROOT, headings, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")
OURS = re.compile(r"https?://(localhost|127\.0\.0\.1)(:\d+)?(/|$)")


def anchors(page, github):
    """Return a page's anchors. GitHub replaces each space by a hyphen; the site replaces adjacent spaces by one
    hyphen."""
    found = []
    for heading in headings(page):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).strip()
        found.append(plain.replace(" ", "-") if github else re.sub(r"[-\s]+", "-", plain))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page):
    links = LINK.findall(prose(page))
    wrong = []
    for link in links:
        if link.startswith(("http://", "https://")):
            if link.startswith("http://") and not OURS.match(link):
                wrong.append(f"{link}: not https")
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        there = target.is_file() and target.is_relative_to(ROOT)
        if not there or (anchor and not all(anchor in anchors(target, github) for github in (True, False))):
            wrong.append(link)
    assert not wrong


def test_every_page_is_in_the_sites_menu():
    menu = re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text().split("\nnav:")[1])
    docs = ROOT / "docs"
    shown = {str(page.relative_to(docs)) for page in PAGES if page.is_relative_to(docs)} | {"env-image/README.md"}
    assert sorted(menu) == sorted(shown)


def linked_from(page):
    """Return the files that a page has links to."""
    return {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(prose(page))}


def test_the_readme_leads_to_every_page():
    pages = set(PAGES) - {ROOT / "README.md", ROOT / "docs" / "index.md"} - set(RESULTS)
    assert pages <= linked_from(ROOT / "README.md")
    assert set(RESULTS) <= linked_from(ROOT / "docs" / "results.md")


def test_the_site_loads_nothing_from_elsewhere():
    config = (ROOT / "mkdocs.yml").read_text()
    parsed = yaml.safe_load(config)
    assert parsed["theme"]["font"] is False
    assert "extra_javascript" not in parsed
    assert "http" not in config
    pictures = [link for page in PAGES for link in re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", prose(page))]
    assert pictures
    assert not [link for link in pictures if "://" in link]


def test_tests_named_in_reliability_exist():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "reliability.md").read_text()))
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert len(named) > 20
    assert named <= there
